"""Which asyncio loop an IOLoop is made on."""

import asyncio

import pytest

from waterspout.ioloop import AsyncIOLoop, IOLoop, new_event_loop
from waterspout.ioloop._factory import loop_factory


@pytest.fixture
def configuration():
    saved = IOLoop._save_configuration()
    yield
    IOLoop._restore_configuration(saved)


def test_default_and_asyncio_are_our_loop():
    assert loop_factory(None) is new_event_loop
    assert loop_factory("asyncio") is new_event_loop


def test_a_callable_is_taken_as_it_is():
    assert loop_factory(asyncio.SelectorEventLoop) is asyncio.SelectorEventLoop


def test_unknown_word_is_refused():
    with pytest.raises(ValueError, match="unknown loop factory 'trio'"):
        loop_factory("trio")


def test_uvloop_when_asked_for():
    uvloop = pytest.importorskip("uvloop")
    io_loop = IOLoop(make_current=False, loop_factory="uvloop")
    assert isinstance(io_loop.asyncio_loop, uvloop.Loop)
    io_loop.close()


def test_missing_uvloop_is_said_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "uvloop", None)
    with pytest.raises(ImportError, match=r"waterspout-ioloop\[uvloop\]"):
        loop_factory("uvloop")


def test_configure_sets_keywords_for_every_loop_made(configuration):
    made = []

    def factory():
        made.append(new_event_loop())
        return made[-1]

    IOLoop.configure(None, loop_factory=factory)
    io_loop = IOLoop(make_current=False)
    assert io_loop.asyncio_loop is made[0]
    io_loop.close()


def test_configured_keywords_hold_for_the_loop_that_current_makes(configuration):
    made = []
    IOLoop.configure(None, loop_factory=lambda: made.append(new_event_loop()) or made[-1])
    asyncio.set_event_loop(None)
    io_loop = IOLoop.current()
    assert [io_loop.asyncio_loop] == made
    io_loop.close()


def test_configure_takes_a_class_or_its_name(configuration):
    class Special(AsyncIOLoop):
        pass

    IOLoop.configure(Special)
    io_loop = IOLoop(make_current=False)
    assert type(io_loop) is Special
    io_loop.close()
    IOLoop.configure("waterspout.platform.asyncio.AsyncIOLoop")
    io_loop = IOLoop(make_current=False)
    assert type(io_loop) is AsyncIOLoop
    io_loop.close()


@pytest.mark.parametrize("impl", [int, "waterspout.ioloop.IOLoop", IOLoop])
def test_configure_refuses_what_does_not_run_on_asyncio(configuration, impl):
    with pytest.raises(RuntimeError, match="must run on asyncio"):
        IOLoop.configure(impl)


def test_a_loop_that_cannot_be_set_up_is_closed_again():
    made = []

    def factory():
        made.append(new_event_loop())
        return made[-1]

    with pytest.raises(TypeError):
        IOLoop(loop_factory=factory, no_such_keyword=1)
    assert made[0].is_closed()
