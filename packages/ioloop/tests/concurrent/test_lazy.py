"""Futures that become real when they are used as more than awaitables.

Everything here is asked of the real thing as well: what holds for asyncio.Future holds for them.
"""

import asyncio
import contextvars
import gc
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from waterspout.concurrent import LazyFuture, ReadyFuture
from waterspout.concurrent._lazy import DoneFuture

PENDING: list[Callable[[], Any]] = [asyncio.Future, LazyFuture]


def real_ready() -> asyncio.Future[int]:
    future: asyncio.Future[int] = asyncio.Future()
    future.set_result(5)
    return future


def lazy_set() -> LazyFuture[int]:
    future: LazyFuture[int] = LazyFuture()
    future.set_result(5)
    return future


READY: list[Callable[[], Any]] = [real_ready, lazy_set, lambda: ReadyFuture(5)]

pending = pytest.mark.parametrize("make", PENDING)
ready = pytest.mark.parametrize("make", READY)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 5))


@ready
def test_a_ready_future_answers_as_a_real_one(make: Callable[[], Any]) -> None:
    async def main() -> None:
        future = make()
        assert isinstance(future, asyncio.Future) and asyncio.isfuture(future)
        assert (future.done(), future.cancelled(), future.exception(), future.result()) == (True, False, None, 5)
        assert future.cancel() is False
        assert await future == 5
        assert await future == 5
        assert future.get_loop() is asyncio.get_running_loop()
        assert "result=5" in repr(future)
        for complete in (lambda: future.set_result(1), lambda: future.set_exception(KeyError())):
            with pytest.raises(asyncio.InvalidStateError):
                complete()

    run(main)


@ready
def test_asyncio_takes_a_ready_future_everywhere(make: Callable[[], Any]) -> None:
    async def main() -> None:
        future = make()
        assert asyncio.ensure_future(future) is future
        assert await asyncio.gather(make(), make()) == [5, 5]
        assert await asyncio.wait_for(make(), 1) == 5
        assert await asyncio.shield(make()) == 5
        assert await asyncio.wrap_future(make()) == 5
        done, waiting = await asyncio.wait({make(), make()})
        assert (len(done), len(waiting)) == (2, 0)
        assert [await each for each in asyncio.as_completed([make()])] == [5]

    run(main)


@pytest.mark.parametrize("make", READY[1:])
def test_run_until_complete_takes_it(make: Callable[[], Any]) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        assert loop.run_until_complete(make()) == 5
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@ready
def test_callbacks_of_a_ready_future_run_in_the_next_turn(make: Callable[[], Any]) -> None:
    async def main() -> None:
        future = make()
        seen: list[Any] = []
        future.add_done_callback(seen.append)
        assert future.remove_done_callback(seen.append) == 0, "it is scheduled already"
        assert seen == []
        await asyncio.sleep(0)
        assert seen == [future]

    run(main)


@pending
def test_a_pending_future_answers_as_a_real_one(make: Callable[[], Any]) -> None:
    async def main() -> None:
        future = make()
        assert (future.done(), future.cancelled()) == (False, False)
        for ask in (future.result, future.exception):
            with pytest.raises(asyncio.InvalidStateError):
                ask()
        assert "pending" in repr(future)
        assert "pending" in repr(make())

    run(main)


@pending
@pytest.mark.parametrize("touch", [False, True])
def test_tasks_that_await_it_get_the_result(make: Callable[[], Any], touch: bool) -> None:
    async def main() -> None:
        future = make()
        if touch:
            future.get_loop()

        async def wait() -> Any:
            return await future

        tasks = [asyncio.ensure_future(wait()) for _ in range(3)]
        await asyncio.sleep(0)
        future.set_result(5)
        assert await asyncio.gather(*tasks) == [5, 5, 5]
        assert (future.result(), future.exception()) == (5, None)

    run(main)


@pending
@pytest.mark.parametrize("touch", [False, True])
def test_tasks_that_await_it_get_the_exception(make: Callable[[], Any], touch: bool) -> None:
    async def main() -> None:
        future = make()
        if touch:
            future.get_loop()
        task = asyncio.ensure_future(_await(future))
        await asyncio.sleep(0)
        future.set_exception(KeyError("x"))
        with pytest.raises(KeyError):
            await task
        with pytest.raises(KeyError):
            future.result()
        assert isinstance(future.exception(), KeyError)
        assert future.done() and not future.cancelled()

    run(main)


@pending
@pytest.mark.parametrize("touch", [False, True])
def test_tasks_that_await_it_see_it_cancelled(make: Callable[[], Any], touch: bool) -> None:
    async def main() -> None:
        future = make()
        if touch:
            future.get_loop()
        task = asyncio.ensure_future(_await(future))
        await asyncio.sleep(0)
        assert future.cancel("why") is True
        assert future.cancel() is False
        with pytest.raises(asyncio.CancelledError):
            await task
        assert future.cancelled() and future.done()
        with pytest.raises(asyncio.CancelledError):
            future.result()
        with pytest.raises(asyncio.InvalidStateError):
            future.set_result(1)

    run(main)


@pending
def test_a_cancelled_task_cancels_what_it_awaits(make: Callable[[], Any]) -> None:
    async def main() -> None:
        future = make()
        task, other = asyncio.ensure_future(_await(future)), asyncio.ensure_future(_await(future))
        await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task, other})
        assert all(each.cancelled() for each in done)
        assert future.cancelled()

    run(main)


@pending
def test_a_task_cancelled_after_the_result_came_leaves_the_future_alone(make: Callable[[], Any]) -> None:
    async def main() -> None:
        future = make()
        task = asyncio.ensure_future(_await(future))
        await asyncio.sleep(0)
        future.set_result(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert future.result() == 5

    run(main)


@pending
def test_callbacks_get_the_future_itself_in_order(make: Callable[[], Any]) -> None:
    async def main() -> None:
        future = make()
        seen: list[Any] = []
        future.add_done_callback(lambda it: seen.append((1, it)))
        future.add_done_callback(seen.append)
        future.add_done_callback(lambda it: seen.append((2, it)))
        assert future.remove_done_callback(seen.append) == 1
        future.set_result(None)
        assert seen == []
        await asyncio.sleep(0)
        assert seen == [(1, future), (2, future)]

    run(main)


@pending
def test_asyncio_takes_a_pending_future_everywhere(make: Callable[[], Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        def soon(result: int) -> Any:
            future = make()
            loop.call_soon(future.set_result, result)
            return future

        assert await asyncio.gather(soon(1), soon(2)) == [1, 2]
        assert await asyncio.wait_for(soon(3), 1) == 3
        assert await asyncio.shield(soon(4)) == 4
        done, _ = await asyncio.wait({soon(5)}, timeout=1)
        assert {each.result() for each in done} == {5}
        assert [await each for each in asyncio.as_completed([soon(6)])] == [6]
        never = make()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(never, 0.001)
        assert never.cancelled()

    run(main)


@pending
def test_an_exception_that_nobody_asks_for_is_reported(make: Callable[[], Any]) -> None:
    async def main() -> None:
        reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["exception"]))
        error = KeyError("x")
        future = make()
        future.set_exception(error)
        del future
        assert reported == [error]

    run(main)


@pending
def test_no_cycle_keeps_an_exception_alive(make: Callable[[], Any]) -> None:
    async def main() -> None:
        class Marker(Exception):
            pass

        async def fail() -> None:
            future = make()
            task = asyncio.ensure_future(_await(future))
            await asyncio.sleep(0)
            future.set_exception(Marker())
            try:
                await task
            except Marker as error:
                markers.append(weakref.ref(error))
            try:
                future.result()
            except Marker:
                assert markers[0]() is not None
            # The traceback leads to this frame.
            del future, task

        markers: list[weakref.ref[Exception]] = []
        gc.disable()
        try:
            await fail()
            await asyncio.sleep(0)
            assert markers[0]() is None
        finally:
            gc.enable()

    run(main)


def test_it_stays_unreal_as_long_as_it_is_only_awaited() -> None:
    async def main() -> None:
        future: LazyFuture[int] = LazyFuture()
        task = asyncio.ensure_future(_await(future))
        await asyncio.sleep(0)
        future.set_result(5)
        assert await task == 5
        assert (future.done(), future.result()) == (True, 5)
        assert future._loop is None  # type: ignore[attr-defined]

    run(main)


def test_it_needs_no_loop_to_be_made_and_belongs_to_the_one_that_uses_it() -> None:
    future = ReadyFuture("x")
    assert future.result() == "x"

    async def main() -> None:
        assert future.get_loop() is asyncio.get_running_loop()

    run(main)


def test_a_done_future_is_awaited_without_running_python() -> None:
    async def main() -> None:
        future = DoneFuture()
        assert await future is None
        assert future.done() and future.result() is None and future.exception() is None
        assert await asyncio.gather(future, DoneFuture()) == [None, None]
        assert await asyncio.wait_for(DoneFuture(), 1) is None

    run(main)


def test_a_done_future_answers_as_one_of_asyncio_does_and_belongs_to_no_loop() -> None:
    future = DoneFuture()
    seen: list[Any] = []
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    async def main() -> None:
        context = contextvars.copy_context()
        context.run(variable.set, "given")
        future.add_done_callback(lambda done: seen.append((done is future, variable.get())), context=context)
        assert not seen, "a callback waits for the loop"
        await asyncio.sleep(0)
        assert seen.pop() == (True, "given")
        assert future.remove_done_callback(seen.append) == 0
        assert future.get_loop() is asyncio.get_running_loop()
        assert not future.cancel() and not future.cancelled()
        with pytest.raises(asyncio.InvalidStateError):
            future.set_result(None)
        with pytest.raises(asyncio.InvalidStateError):
            future.set_exception(ValueError())
        done, pending = await asyncio.wait([future, DoneFuture()])
        assert len(done) == 2 and not pending
        assert repr(future) == "<Future finished result=None>"

    run(main)
    run(main)  # on another loop


async def _await(future: Any) -> Any:
    try:
        return await future
    finally:
        del future


@pending
def test_failure_that_comes_with_the_cancellation_of_who_awaits_it_is_not_called_unseen(
    make: Callable[[], Any],
) -> None:
    async def main() -> None:
        complaints: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        future = make()

        async def wait(future: Any) -> None:
            await future

        task = asyncio.ensure_future(wait(future))
        await asyncio.sleep(0)
        future.set_exception(TimeoutError())
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        del future, task
        gc.collect()
        assert complaints == []

    run(main)
