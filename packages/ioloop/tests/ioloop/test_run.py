"""`IOLoop.run`: an application from start to a quiet end."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from waterspout.ioloop import IOLoop
from waterspout.ioloop._turn import SelectorTurn

PROGRAM = """
import asyncio, sys
from waterspout.ioloop import IOLoop

async def main():
    print("ready", flush=True)
    try:
        await asyncio.sleep(60)
    finally:
        print("cleaning", flush=True)
        await asyncio.sleep({cleaning})
        print("clean", flush=True)

IOLoop.run(main)
print("after", flush=True)
"""


def start(cleaning=0):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(cleaning=cleaning)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout.readline() == "ready\n"
    return program


def test_returns_the_result_and_leaves_nothing_behind():
    seen = []

    async def background():
        try:
            await asyncio.sleep(100)
        finally:
            seen.append("background cancelled")

    async def main():
        io_loop = IOLoop.current()
        assert io_loop.started
        assert isinstance(io_loop.turn, SelectorTurn)
        seen.append(io_loop)
        io_loop.add_callback(background)
        await asyncio.sleep(0.001)
        return 5

    assert IOLoop.run(main) == 5
    assert seen[1] == "background cancelled"
    assert seen[0].asyncio_loop.is_closed()
    assert seen[0].asyncio_loop not in IOLoop._ioloop_for_asyncio


def test_takes_a_coroutine_a_coroutine_function_and_a_plain_function():
    async def main():
        return 1

    assert IOLoop.run(main()) == 1
    assert IOLoop.run(main) == 1
    assert IOLoop.run(lambda: None) is None
    assert IOLoop.run(lambda: main()) == 1


def test_exception_of_main_comes_out():
    async def main():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        IOLoop.run(main)


def test_cancellation_by_main_itself_is_not_quiet():
    async def main():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        IOLoop.run(main)


def test_inside_a_running_loop_it_is_refused():
    async def main():
        async def inner():
            return 1

        coroutine = inner()
        with pytest.raises(RuntimeError, match="while an event loop is running"):
            IOLoop.run(coroutine)
        coroutine.close()

    asyncio.run(main())


def test_in_another_thread_there_are_no_signals():
    async def main():
        await asyncio.sleep(0)
        return "done"

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(IOLoop.run, main).result(60) == "done"


def test_on_uvloop_when_asked_for():
    uvloop = pytest.importorskip("uvloop")

    async def main():
        return isinstance(asyncio.get_running_loop(), uvloop.Loop)

    assert IOLoop.run(main, loop_factory="uvloop") is True


def test_debug_is_asyncios():
    async def main():
        return asyncio.get_running_loop().get_debug()

    assert IOLoop.run(main, debug=True) is True
    assert IOLoop.run(main, debug=False) is False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_program_quietly_after_its_clean_up(number):
    program = start()
    program.send_signal(number)
    out, err = program.communicate(timeout=20)
    assert (out, err, program.returncode) == ("cleaning\nclean\nafter\n", "", 0)


def test_second_signal_does_not_wait_for_the_clean_up():
    program = start(cleaning=60)
    program.send_signal(signal.SIGTERM)
    assert program.stdout.readline() == "cleaning\n"
    program.send_signal(signal.SIGTERM)
    program.communicate(timeout=20)
    assert program.returncode == -signal.SIGTERM


def test_signal_handlers_are_as_they_were_afterwards():
    def handler(number, frame):
        raise AssertionError("not called in this test")

    before = signal.signal(signal.SIGTERM, handler)
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        IOLoop.run(lambda: asyncio.sleep(0))
        assert signal.getsignal(signal.SIGTERM) is handler
        assert signal.getsignal(signal.SIGINT) is interrupt
    finally:
        signal.signal(signal.SIGTERM, before)


def test_only_the_signals_asked_for_are_handled():
    async def main():
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.sleep(600)

    began = time.monotonic()
    assert IOLoop.run(main, signals=[signal.SIGUSR1]) is None
    assert time.monotonic() - began < 300


def test_collector_is_tuned_only_while_main_runs_and_only_if_asked_for():
    async def thresholds():
        return gc.get_threshold(), gc.get_freeze_count() > 0

    before = gc.get_threshold()
    frozen = gc.get_freeze_count()
    assert IOLoop.run(thresholds) == (before, frozen > 0)
    assert IOLoop.run(thresholds, tune_gc=True) == ((100_000, 50, 100), True)
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
