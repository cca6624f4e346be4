"""`IOLoop.current` and its relatives: one IOLoop for each asyncio loop, and no loop that nobody asked for."""

import asyncio
import gc
import subprocess
import sys
import threading
import warnings
import weakref

import pytest

from waterspout.ioloop import IOLoop, new_event_loop
from waterspout.ioloop._current import LoopRegistry, thread_event_loop
from waterspout.ioloop._turn import SelectorTurn


@pytest.fixture(autouse=True)
def no_loop_is_set():
    asyncio.set_event_loop(None)
    yield
    asyncio.set_event_loop(None)


def run_python(code, *options):
    return subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )


def test_inside_a_running_loop_it_is_always_the_same_object():
    async def main():
        first = IOLoop.current()
        assert first.asyncio_loop is asyncio.get_running_loop()
        await asyncio.sleep(0)
        return first is IOLoop.current() is IOLoop.instance() is IOLoop.current(instance=False)

    assert asyncio.run(main())


def test_without_instance_a_running_loop_gets_no_ioloop():
    async def main():
        return IOLoop.current(instance=False)

    assert asyncio.run(main()) is None


def test_running_loop_wins_over_the_one_that_is_set():
    io_loop = IOLoop()
    try:

        async def main():
            return IOLoop.current()

        other = asyncio.new_event_loop()
        assert other.run_until_complete(main()) is not io_loop
        assert IOLoop.current() is io_loop
        other.close()
    finally:
        io_loop.close()


def test_without_a_loop_none_is_made_if_not_wanted():
    assert IOLoop.current(instance=False) is None
    assert thread_event_loop() is None


def test_without_a_loop_one_of_ours_is_made_and_set():
    io_loop = IOLoop.current()
    try:
        assert IOLoop.current() is io_loop
        assert isinstance(io_loop.turn, SelectorTurn)
        assert asyncio.get_event_loop() is io_loop.asyncio_loop
    finally:
        io_loop.close()
    assert IOLoop.current(instance=False) is None


def test_a_closed_loop_is_not_current():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    IOLoop.current()
    loop.close()
    assert IOLoop.current(instance=False) is None
    fresh = IOLoop.current()
    assert not fresh.asyncio_loop.is_closed()
    fresh.close()


def test_a_loop_that_asyncio_has_set_is_wrapped():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        assert IOLoop.current().asyncio_loop is loop
    finally:
        loop.close()


def test_each_thread_has_its_own():
    ours = IOLoop.current()
    theirs = []

    def work():
        theirs.append(IOLoop.current(instance=False))
        theirs.append(IOLoop.current())
        theirs[1].close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    ours.close()
    assert theirs[0] is None
    assert theirs[1] is not ours


def test_import_makes_no_loop_and_sets_no_policy():
    result = run_python(
        "import asyncio\n"
        "before = type(asyncio.get_event_loop_policy())\n"
        "made = []\n"
        "original = asyncio.new_event_loop\n"
        "asyncio.new_event_loop = lambda: made.append(1) or original()\n"
        "import waterspout.ioloop\n"
        "assert not made\n"
        "assert type(asyncio.get_event_loop_policy()) is before\n"
        "assert waterspout.ioloop.IOLoop.current(instance=False) is None\n",
        "-W",
        "ignore::DeprecationWarning",
    )
    assert result.returncode == 0, result.stderr


def test_classic_main_program_gets_our_loop_without_a_warning():
    """``IOLoop.current()`` in the main thread before anything runs, as programs have done for ten years."""
    result = run_python(
        "from waterspout.ioloop import IOLoop\n"
        "loop = IOLoop.current()\n"
        "loop.add_callback(loop.stop)\n"
        "loop.start()\n"
        "print(type(loop.turn).__name__)\n"
        "loop.close()\n",
        "-W",
        "error",
    )
    assert (result.stdout, result.stderr) == ("SelectorTurn\n", "")


def test_an_application_that_sets_a_policy_gets_the_policys_loops():
    pytest.importorskip("uvloop")
    result = run_python(
        "import asyncio, uvloop, waterspout.ioloop as ioloop\n"
        "asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())\n"
        "loop = ioloop.IOLoop()\n"
        "print(isinstance(loop.asyncio_loop, uvloop.Loop))\n"
        "loop.close()\n",
        "-W",
        "ignore::DeprecationWarning",
    )
    assert (result.stdout, result.stderr) == ("True\n", "")


def test_constructor_makes_the_loop_current_unless_told_not_to():
    io_loop = IOLoop(make_current=False)
    assert IOLoop.current(instance=False) is None
    io_loop.close()
    io_loop = IOLoop()
    assert IOLoop.current(instance=False) is io_loop
    assert io_loop.is_current
    io_loop.close()


def test_closing_a_loop_gives_the_place_back_to_the_one_before():
    first = IOLoop()
    second = IOLoop()
    assert second.old_asyncio is first.asyncio_loop
    second.close()
    assert IOLoop.current() is first
    first.close()
    assert IOLoop.current(instance=False) is None


def test_make_current_and_clear_current_are_deprecated_and_work():
    io_loop = IOLoop(make_current=False)
    with pytest.warns(DeprecationWarning, match="make_current is deprecated"):
        io_loop.make_current()
    assert IOLoop.current() is io_loop
    with pytest.warns(DeprecationWarning, match="clear_current is deprecated"):
        IOLoop.clear_current()
    assert IOLoop.current(instance=False) is None
    with pytest.warns(DeprecationWarning):
        io_loop.install()
    assert IOLoop.current() is io_loop
    with pytest.warns(DeprecationWarning):
        IOLoop.clear_instance()
    assert IOLoop.current(instance=False) is None
    io_loop.close()


def test_clear_current_without_a_loop_does_nothing():
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        IOLoop.clear_current()
    assert IOLoop.current(instance=False) is None


def test_an_asyncio_loop_can_have_only_one_ioloop():
    io_loop = IOLoop(make_current=False)
    try:
        with pytest.raises(RuntimeError, match="already associated"):
            IOLoop(asyncio_loop=io_loop.asyncio_loop)
    finally:
        io_loop.close()


def test_wrapping_an_existing_loop():
    loop = new_event_loop()
    io_loop = IOLoop(make_current=False, asyncio_loop=loop)
    assert io_loop.asyncio_loop is loop
    assert isinstance(io_loop.turn, SelectorTurn)
    io_loop.close()
    assert loop.is_closed()


def test_table_of_loops_shows_open_ones_only():
    before = len(IOLoop._ioloop_for_asyncio)
    io_loop = IOLoop(make_current=False)
    table = IOLoop._ioloop_for_asyncio
    assert len(table) == before + 1
    assert table[io_loop.asyncio_loop] is io_loop
    assert io_loop.asyncio_loop in table
    other = asyncio.new_event_loop()
    assert other not in table
    assert table.pop(other, "none") == "none"
    other.close()
    io_loop.asyncio_loop.close()
    assert len(table) == before
    assert io_loop.asyncio_loop not in table


def test_pop_from_the_table_dissolves_the_pair():
    loop = asyncio.new_event_loop()
    io_loop = IOLoop(make_current=False, asyncio_loop=loop)
    assert IOLoop._ioloop_for_asyncio.pop(loop) is io_loop
    other = IOLoop(make_current=False, asyncio_loop=loop)
    assert other is not io_loop
    other.close()


def test_loop_and_ioloop_are_freed_together():
    loop = asyncio.new_event_loop()
    io_loop = IOLoop(make_current=False, asyncio_loop=loop)
    gone = weakref.ref(io_loop), weakref.ref(loop)
    io_loop.close()
    del io_loop, loop
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def test_loops_that_take_no_attributes_are_kept_until_they_are_closed():
    class Rigid:
        __slots__ = ("closed",)

        def is_closed(self):
            return self.closed

    def rigid():
        made = Rigid()
        made.closed = False
        return made

    registry = LoopRegistry()
    loops = [rigid(), rigid()]
    registry.attach(loops[0], "first")
    assert registry.find(loops[0]) == "first"
    assert registry.find(loops[1]) is None
    loops[0].closed = True
    registry.attach(loops[1], "second")
    assert list(registry) == [loops[1]]
    assert registry.find(loops[0]) is None
    registry.detach(loops[1])
    assert len(registry) == 0
