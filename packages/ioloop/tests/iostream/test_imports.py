"""What a program loads to use a stream: start-up time is paid by every program, on every start."""

import subprocess
import sys

import pytest

PROBE = """
import asyncio, socket, sys
before = set(sys.modules)
from waterspout.iostream import IOStream
print(*sorted(set(sys.modules) - before))
"""

#: Each of these costs an application 0.1 to 0.5 ms. What most programs do without is imported where it is used.
NEEDED = {
    "waterspout",
    "waterspout.ioloop",
    "waterspout.ioloop._allocator",
    "waterspout.ioloop._asyncio_loop",
    "waterspout.ioloop._callbacks",
    "waterspout.ioloop._current",
    "waterspout.ioloop._factory",
    "waterspout.ioloop._loop",
    "waterspout.ioloop._selector",
    "waterspout.ioloop._turn",
    "waterspout.iostream",
    "waterspout.iostream._base",
    "waterspout.iostream._core",
    "waterspout.iostream._errors",
    "waterspout.iostream._hooks",
    "waterspout.iostream._pending",
    "waterspout.iostream._socket",
    "waterspout.log",
    "waterspout.log._loggers",
    "waterspout.util",
    "waterspout.util._configurable",
    "waterspout.util._exports",
    "waterspout.util._imports",
    "waterspout.util._names",
}


@pytest.fixture(scope="module")
def loaded():
    run = subprocess.run([sys.executable, "-I", "-c", PROBE], capture_output=True, text=True, check=True, timeout=120)
    return set(run.stdout.split())


def test_only_the_files_that_every_stream_needs_are_loaded(loaded):
    own = {name for name in loaded if name.partition(".")[0] == "waterspout"}
    assert own == NEEDED


def test_no_library_is_loaded_that_asyncio_and_socket_do_not_load(loaded):
    # asyncio has loaded `ssl` already where Python has it; nothing of ours asks for it before TLS is used.
    assert {name for name in loaded if name.partition(".")[0] != "waterspout"} <= {"__future__"}


def test_every_name_is_there_nevertheless_and_looked_up_once():
    probe = """
import waterspout.concurrent, waterspout.ioloop, waterspout.iostream, waterspout.log, waterspout.util
for package in (waterspout.concurrent, waterspout.ioloop, waterspout.iostream, waterspout.log, waterspout.util):
    for name in package.__all__:
        value = getattr(package, name)
        assert vars(package)[name] is value, name
    try:
        package.no_such_name
    except AttributeError as error:
        assert str(error) == f"module {package.__name__!r} has no attribute 'no_such_name'", error
    else:
        raise AssertionError(package)
"""
    subprocess.run([sys.executable, "-I", "-c", probe], check=True, timeout=120)
