"""`IOLoop`: callbacks, timers, files, executors, closing; on each kind of asyncio loop."""

import asyncio
import concurrent.futures
import contextvars
import datetime
import gc
import os
import signal
import socket
import threading
import time

import pytest

from waterspout.ioloop import IOLoop

CONTEXT = contextvars.ContextVar("CONTEXT", default="none")


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    one.setblocking(False)
    other.setblocking(False)
    yield one, other
    one.close()
    other.close()


def stop_soon(io_loop, turns=20):
    """Stop after a few milliseconds and then some turns, which a late timer on a slow machine would not leave."""

    def count_down(left):
        if left:
            io_loop.asyncio_loop.call_soon(count_down, left - 1)
        else:
            io_loop.stop()

    io_loop.asyncio_loop.call_later(0.002, count_down, turns)


def run_until_stopped(io_loop, limit=60):
    timer = io_loop.call_later(limit, lambda: pytest.fail("the loop was not stopped"))
    io_loop.start()
    io_loop.remove_timeout(timer)


# ---- callbacks


def test_callbacks_run_in_order_with_their_arguments(io_loop):
    seen = []
    io_loop.add_callback(seen.append, 1)
    io_loop.add_callback(lambda *args, **kwargs: seen.append((args, kwargs)), 2, key=3)
    io_loop.spawn_callback(seen.append, 4)
    io_loop.add_callback(io_loop.stop)
    run_until_stopped(io_loop)
    assert seen == [1, ((2,), {"key": 3}), 4]


def test_callback_added_by_a_callback_runs_in_the_next_turn(io_loop):
    seen = []

    def first():
        io_loop.add_callback(second)
        seen.append("first")

    def second():
        seen.append("second")
        io_loop.stop()

    io_loop.add_callback(first)
    io_loop.add_callback(seen.append, "same turn")
    run_until_stopped(io_loop)
    assert seen == ["first", "same turn", "second"]


def test_exception_in_a_callback_is_logged_once_and_the_loop_goes_on(io_loop, app_log_records, caplog):
    def broken():
        raise ZeroDivisionError

    io_loop.add_callback(broken)
    io_loop.call_later(0, broken)
    stop_soon(io_loop)
    run_until_stopped(io_loop)
    assert len(app_log_records.records) == 2
    assert all("broken" in message for message in app_log_records.messages)
    assert all(record.name != "asyncio" for record in caplog.records)


@pytest.mark.parametrize("wrap", [lambda f: f, lambda f: lambda: f()], ids=["coroutine function", "lambda"])
def test_what_a_callback_returns_runs_and_its_exception_is_logged_once(io_loop, app_log_records, wrap):
    seen = []

    async def callback():
        await asyncio.sleep(0)
        seen.append(1)
        raise ZeroDivisionError

    io_loop.add_callback(wrap(callback))
    stop_soon(io_loop)
    run_until_stopped(io_loop)
    assert seen == [1]
    assert [record.exc_info[0] for record in app_log_records.records] == [ZeroDivisionError]


def test_result_that_is_not_awaitable_is_ignored(io_loop, app_log_records):
    for value in (5, "text", object(), False):
        io_loop.add_callback(lambda value=value: value)
    stop_soon(io_loop)
    run_until_stopped(io_loop)
    assert app_log_records.records == []


def test_cancelled_callbacks_are_not_logged(io_loop, app_log_records):
    async def cancelled():
        raise asyncio.CancelledError

    def plain():
        raise asyncio.CancelledError

    io_loop.add_callback(cancelled)
    io_loop.add_callback(plain)
    stop_soon(io_loop)
    run_until_stopped(io_loop)
    assert app_log_records.records == []


def test_running_coroutine_of_a_callback_is_held_strongly_and_counted(io_loop):
    async def background():
        # Nobody but the loop knows this future and so this task.
        await io_loop.asyncio_loop.create_future()
        raise AssertionError("the future has no result")

    async def main():
        io_loop.add_callback(background)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect()
        assert io_loop.statistics()["background"] == 1
        (task,) = asyncio.all_tasks() - {asyncio.current_task()}
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0)
        assert io_loop.statistics()["background"] == 0

    io_loop.run_sync(main, timeout=5)


def test_callbacks_from_other_threads_wake_the_loop(io_loop):
    seen = []

    def work():
        time.sleep(0.005)
        io_loop.add_callback(lambda: seen.append(threading.current_thread()))
        io_loop.add_callback(io_loop.stop)

    thread = threading.Thread(target=work)
    thread.start()
    run_until_stopped(io_loop)
    thread.join()
    assert seen == [threading.current_thread()]


def test_callback_from_a_coroutine_of_another_loop_wakes_the_loop(io_loop):
    thread_done = []

    async def other():
        io_loop.add_callback(io_loop.stop)

    def work():
        asyncio.run(other())
        thread_done.append(1)

    thread = threading.Thread(target=work)
    io_loop.add_callback(thread.start)
    run_until_stopped(io_loop)
    thread.join()
    assert thread_done == [1]


def test_callback_wakes_a_loop_that_has_moved_to_another_thread(io_loop):
    async def nothing():
        pass

    io_loop.run_sync(nothing)  # here first
    running = threading.Event()
    io_loop.add_callback(running.set)
    thread = threading.Thread(target=run_until_stopped, args=(io_loop,))
    thread.start()
    assert running.wait(10)
    seen = []
    io_loop.add_callback(lambda: seen.append(threading.current_thread()))
    io_loop.add_callback(io_loop.stop)
    thread.join()
    assert seen == [thread]


def test_add_callback_from_signal_is_deprecated_and_wakes_the_loop(io_loop):
    def handler(number, frame):
        with pytest.warns(DeprecationWarning, match="add_callback_from_signal"):
            io_loop.add_callback_from_signal(io_loop.stop)

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        io_loop.call_later(0.002, os.kill, os.getpid(), signal.SIGUSR1)
        run_until_stopped(io_loop)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_callback_sees_the_context_in_which_it_was_added(io_loop):
    seen = []
    token = CONTEXT.set("adding")
    io_loop.add_callback(lambda: seen.append(CONTEXT.get()))
    io_loop.call_later(0, lambda: seen.append(CONTEXT.get()))
    CONTEXT.reset(token)
    stop_soon(io_loop)
    run_until_stopped(io_loop)
    assert seen == ["adding", "adding"]


def test_add_callback_on_a_closed_loop_does_nothing(io_loop):
    io_loop.close()
    io_loop.add_callback(pytest.fail, "ran on a closed loop")
    with pytest.warns(DeprecationWarning):
        io_loop.add_callback_from_signal(pytest.fail, "ran on a closed loop")


# ---- futures


@pytest.mark.parametrize(
    "make", [lambda loop: loop.asyncio_loop.create_future(), lambda _: concurrent.futures.Future()]
)
def test_add_future_calls_back_on_the_loop_with_the_future(io_loop, make):
    future = make(io_loop)
    seen = []

    def done(arrived):
        seen.append((arrived, threading.current_thread()))
        io_loop.stop()

    io_loop.add_future(future, done)
    if isinstance(future, concurrent.futures.Future):
        threading.Thread(target=future.set_result, args=(1,)).start()
    else:
        future.set_result(1)
    run_until_stopped(io_loop)
    assert seen == [(future, threading.current_thread())]


def test_exception_in_the_callback_of_a_future_is_logged(io_loop, app_log_records):
    future = io_loop.asyncio_loop.create_future()
    future.set_result(None)
    io_loop.add_future(future, lambda _: 1 / 0)
    stop_soon(io_loop)
    run_until_stopped(io_loop)
    assert len(app_log_records.records) == 1


# ---- time


def test_time_is_the_wall_clock(io_loop):
    assert abs(io_loop.time() - time.time()) < 1


@pytest.mark.parametrize(
    "schedule",
    [
        lambda loop, *what: loop.call_later(0.003, *what),
        lambda loop, *what: loop.call_at(loop.time() + 0.003, *what),
        lambda loop, *what: loop.add_timeout(loop.time() + 0.003, *what),
        lambda loop, *what: loop.add_timeout(time.time() + 0.003, *what),
        lambda loop, *what: loop.add_timeout(datetime.timedelta(milliseconds=3), *what),
    ],
)
def test_timers_run_once_at_their_time_and_can_be_removed(io_loop, schedule):
    seen = []
    began = time.monotonic()
    schedule(io_loop, lambda: seen.append(time.monotonic() - began))
    io_loop.remove_timeout(schedule(io_loop, seen.append, "removed"))
    io_loop.call_later(0.02, io_loop.stop)
    run_until_stopped(io_loop)
    assert len(seen) == 1
    assert 0.002 <= seen[0] < 30


def test_timers_pass_arguments_and_keywords(io_loop):
    seen = []
    io_loop.call_later(0, lambda *args, **kwargs: seen.append((args, kwargs)), 1, key=2)
    stop_soon(io_loop)
    run_until_stopped(io_loop)
    assert seen == [((1,), {"key": 2})]


def test_timer_in_the_past_runs_at_once(io_loop):
    io_loop.add_timeout(io_loop.time() - 100, io_loop.stop)
    run_until_stopped(io_loop)


def test_the_handle_is_the_loops_own(io_loop):
    assert type(io_loop.call_later(1, print)) is type(io_loop.asyncio_loop.call_later(1, print))


def test_removing_a_timeout_twice_or_late_does_nothing(io_loop):
    handle = io_loop.call_later(0, io_loop.stop)
    run_until_stopped(io_loop)
    io_loop.remove_timeout(handle)
    io_loop.remove_timeout(handle)


@pytest.mark.parametrize("deadline", ["soon", None, [1]])
def test_deadline_of_another_type_is_refused(io_loop, deadline):
    with pytest.raises(TypeError, match="Unsupported deadline"):
        io_loop.add_timeout(deadline, print)


# ---- files


def test_handler_gets_what_was_given_and_the_event(io_loop, pair):
    one, other = pair
    seen = []

    def ready(fd, events):
        seen.append((fd, events, one.recv(10)))
        io_loop.stop()

    io_loop.add_handler(one, ready, IOLoop.READ)
    other.send(b"x")
    run_until_stopped(io_loop)
    assert seen == [(one, IOLoop.READ, b"x")]
    assert io_loop.readers == {one.fileno()}
    io_loop.remove_handler(one)
    assert (io_loop.readers, io_loop.writers, io_loop.handlers) == (set(), set(), {})


def test_handler_by_number_and_update(io_loop, pair):
    one, _ = pair
    seen = []

    def ready(fd, events):
        seen.append((fd, events))
        io_loop.update_handler(fd, IOLoop.READ)
        stop_soon(io_loop)

    io_loop.add_handler(one.fileno(), ready, IOLoop.READ | IOLoop.WRITE)
    run_until_stopped(io_loop)
    assert seen == [(one.fileno(), IOLoop.WRITE)]
    assert io_loop.writers == set()
    io_loop.remove_handler(one.fileno())


def test_handler_with_no_events_is_not_called(io_loop, pair):
    io_loop.add_handler(pair[0], lambda *_: pytest.fail("called"), IOLoop.NONE)
    stop_soon(io_loop)
    run_until_stopped(io_loop)
    io_loop.remove_handler(pair[0])


def test_second_handler_for_a_file_is_refused(io_loop, pair):
    io_loop.add_handler(pair[0], print, IOLoop.READ)
    with pytest.raises(ValueError, match="has a handler already"):
        io_loop.add_handler(pair[0].fileno(), print, IOLoop.READ)
    io_loop.remove_handler(pair[0])


def test_update_without_a_handler_is_refused_and_remove_is_not(io_loop, pair):
    with pytest.raises(KeyError, match="has no handler"):
        io_loop.update_handler(pair[0], IOLoop.READ)
    io_loop.remove_handler(pair[0])


def test_exception_in_a_handler_is_logged_and_the_loop_goes_on(io_loop, pair, app_log_records):
    def ready(fd, events):
        io_loop.remove_handler(fd)
        io_loop.add_callback(io_loop.stop)
        raise ZeroDivisionError

    io_loop.add_handler(pair[0], ready, IOLoop.WRITE)
    run_until_stopped(io_loop)
    assert len(app_log_records.records) == 1


def test_handler_removed_by_another_in_the_same_turn_is_not_called(io_loop):
    pairs = [socket.socketpair() for _ in range(2)]
    called = []

    def ready(fd, events):
        called.append(fd)
        for sock, _ in pairs:
            io_loop.remove_handler(sock)
        stop_soon(io_loop)

    for sock, _ in pairs:
        io_loop.add_handler(sock, ready, IOLoop.WRITE)
    run_until_stopped(io_loop)
    assert len(called) == 1
    for sock in (sock for both in pairs for sock in both):
        sock.close()


def test_close_with_all_fds_closes_files_and_numbers(pair):
    io_loop = IOLoop(make_current=False)
    reading, writing = os.pipe()
    io_loop.add_handler(pair[0], print, IOLoop.READ)
    io_loop.add_handler(reading, print, IOLoop.READ)
    io_loop.close(all_fds=True)
    assert pair[0].fileno() == -1
    with pytest.raises(OSError):
        os.fstat(reading)
    os.close(writing)


def test_close_without_all_fds_leaves_them_open(pair):
    io_loop = IOLoop(make_current=False)
    io_loop.add_handler(pair[0], print, IOLoop.READ)
    io_loop.close()
    assert pair[0].fileno() >= 0
    assert io_loop.handlers == {}


def test_close_with_a_file_that_is_closed_already_goes_on():
    io_loop = IOLoop(make_current=False)
    reading, writing = os.pipe()
    io_loop.add_handler(reading, print, IOLoop.READ)
    os.close(reading)
    io_loop.close(all_fds=True)
    assert io_loop.asyncio_loop.is_closed()
    os.close(writing)


# ---- running


def test_stop_before_start_lets_it_run_one_turn(io_loop):
    seen = []
    io_loop.add_callback(seen.append, 1)
    io_loop.stop()
    io_loop.start()
    assert seen == [1]


def test_loop_can_be_started_again(io_loop):
    for _ in range(3):
        io_loop.add_callback(io_loop.stop)
        run_until_stopped(io_loop)
    assert io_loop.started


def test_start_inside_a_running_loop_is_refused(io_loop):
    errors = []

    def nested():
        try:
            io_loop.start()
        except RuntimeError as error:
            errors.append(error)
        io_loop.stop()

    io_loop.add_callback(nested)
    run_until_stopped(io_loop)
    assert len(errors) == 1


def test_running_loop_cannot_be_closed(io_loop):
    async def main():
        with pytest.raises(RuntimeError):
            io_loop.asyncio_loop.close()

    io_loop.run_sync(main)


# ---- executors


def test_run_in_executor_gives_a_future_and_carries_the_context(io_loop):
    async def main():
        CONTEXT.set("request 7")
        thread, context = await io_loop.run_in_executor(
            None, lambda a: (threading.current_thread(), CONTEXT.get() + a), "!"
        )
        assert thread is not threading.current_thread()
        assert context == "request 7!"
        await io_loop.asyncio_loop.shutdown_default_executor()

    io_loop.run_sync(main)


def test_run_in_a_given_and_in_the_default_executor(io_loop):
    with (
        concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="given") as given,
        concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="default") as default,
    ):
        io_loop.set_default_executor(default)

        def name():
            return threading.current_thread().name.partition("_")[0]

        async def main():
            return [await io_loop.run_in_executor(given, name), await io_loop.run_in_executor(None, name)]

        assert io_loop.run_sync(main) == ["given", "default"]


def test_run_in_a_process_pool(io_loop):
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        assert io_loop.run_sync(lambda: io_loop.run_in_executor(pool, os.getpid)) != os.getpid()


def test_exception_in_an_executor_arrives(io_loop):
    def fail():
        raise ZeroDivisionError

    async def main():
        with pytest.raises(ZeroDivisionError):
            await io_loop.run_in_executor(None, fail)
        await io_loop.asyncio_loop.shutdown_default_executor()

    io_loop.run_sync(main)


def test_statistics_count_what_there_is(io_loop, pair):
    async def main():
        io_loop.add_handler(pair[0], print, IOLoop.READ)
        statistics = io_loop.statistics()
        io_loop.remove_handler(pair[0])
        return statistics

    statistics = io_loop.run_sync(main)
    assert statistics["handlers"] == 1
    assert statistics["tasks"] == 1
    assert statistics["dirty"] == 0
    io_loop.close()
    assert io_loop.statistics()["tasks"] == 0
