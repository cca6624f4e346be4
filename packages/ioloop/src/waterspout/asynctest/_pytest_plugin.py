"""The pytest plugin: the fixture ``io_loop``, and the marker ``gen_test`` for tests that are coroutines.

    @pytest.mark.gen_test
    async def test_something(io_loop): ...

pytest itself refuses tests that are generators: decorate those with `gen.coroutine` or `gen_test`.
Loaded through the entry point ``waterspout`` of group ``pytest11``, or by ``-p waterspout.asynctest._pytest_plugin``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator

import pytest

from waterspout.asynctest._gen_test import run_on_loop
from waterspout.asynctest._teardown import finish_loop
from waterspout.asynctest._timeout import get_async_test_timeout
from waterspout.ioloop import IOLoop

MARKER = "gen_test"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", f"{MARKER}(timeout=None): run this coroutine on the fixture io_loop, for at most timeout s"
    )


@pytest.fixture
def io_loop() -> Iterator[IOLoop]:
    """A fresh IOLoop, current during the test; what is left running is cancelled and its files are closed."""
    loop = IOLoop()
    yield loop
    finish_loop(loop)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Have the loop made for marked tests that do not name it, and before their other fixtures."""
    if item.get_closest_marker(MARKER) and isinstance(item, pytest.Function) and "io_loop" not in item.fixturenames:
        item.fixturenames.insert(0, "io_loop")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a marked test to its end; all others are left to pytest."""
    marker = pyfuncitem.get_closest_marker(MARKER)
    if marker is None:
        return None
    test = pyfuncitem.obj
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names if name in pyfuncitem.funcargs}
    timeout = marker.kwargs.get("timeout")
    loop = pyfuncitem.funcargs["io_loop"]
    assert isinstance(loop, IOLoop), loop  # the application may have a fixture of this name, for a loop of its own kind
    run_on_loop(loop, functools.partial(test, **arguments), get_async_test_timeout() if timeout is None else timeout)
    return True
