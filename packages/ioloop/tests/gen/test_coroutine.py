"""Generators as asynchronous functions."""

import asyncio
import contextvars
import gc
import inspect
import weakref
from collections.abc import Callable, Generator
from typing import Any

import pytest

from waterspout import gen
from waterspout.concurrent import dummy_executor
from waterspout.ioloop import IOLoop

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="outer")


@gen.coroutine
def plain(x: int) -> Any:
    """Returns twice its argument."""
    return 2 * x


@gen.coroutine
def never_yields(x: int) -> Generator[Any, Any, int]:
    if x < 0:
        yield
    return 2 * x


@gen.coroutine
def waits(x: int) -> Generator[Any, Any, int]:
    yield asyncio.sleep(0)
    return 2 * x


@gen.coroutine
def goes_on(x: int) -> Generator[Any, Any, int]:
    done: asyncio.Future[int] = asyncio.Future()
    done.set_result(x)
    return 2 * (yield done)


@gen.coroutine
def raises_return(x: int) -> Any:
    yield None
    raise gen.Return(2 * x)


@gen.coroutine
def raises_return_at_once(x: int) -> Any:
    raise gen.Return(2 * x)


KINDS = [plain, never_yields, waits, goes_on, raises_return, raises_return_at_once]
kinds = pytest.mark.parametrize("function", KINDS)


@kinds
def test_a_call_returns_a_future_of_the_result(run: Any, function: Callable[[int], Any]) -> None:
    async def main() -> None:
        future = function(21)
        assert isinstance(future, asyncio.Future)
        assert await future == 42
        assert future.result() == 42
        assert await asyncio.gather(function(1), function(2)) == [2, 4]

    run(main)


@kinds
def test_it_looks_like_the_function_and_is_known_as_a_coroutine(function: Any) -> None:
    assert gen.is_coroutine_function(function)
    assert list(inspect.signature(function).parameters) == ["x"]
    assert function.__wrapped__ is not function
    assert plain.__doc__ == "Returns twice its argument."


def test_other_functions_are_no_coroutines() -> None:
    async def native() -> None: ...

    assert not gen.is_coroutine_function(native)
    assert not gen.is_coroutine_function(len)
    assert not gen.is_coroutine_function(None)


def test_it_starts_in_the_call_itself(run: Any) -> None:
    async def main() -> None:
        started = []

        @gen.coroutine
        def function() -> Any:
            started.append(1)
            yield asyncio.sleep(0)
            started.append(2)

        future = function()
        assert started == [1]
        assert not future.done()
        await future
        assert started == [1, 2]

    run(main)


def test_a_function_that_does_not_wait_is_done_at_once() -> None:
    # Without a loop as well: nothing of asyncio is needed for that.
    assert plain(1).result() == 2
    assert never_yields(1).result() == 2
    assert raises_return_at_once(1).result() == 2


@gen.coroutine
def fails_plain() -> Any:
    raise KeyError("x")


@gen.coroutine
def fails_before_yield() -> Any:
    raise KeyError("x")
    yield


@gen.coroutine
def fails_after_waiting() -> Any:
    yield None
    raise KeyError("x")


@gen.coroutine
def fails_after_a_done_future() -> Any:
    yield plain(1)
    raise KeyError("x")


@gen.coroutine
def passes_on_a_failure() -> Any:
    yield fails_after_waiting()


@pytest.mark.parametrize(
    "function",
    [fails_plain, fails_before_yield, fails_after_waiting, fails_after_a_done_future, passes_on_a_failure],
)
def test_exceptions_are_kept_in_the_future(run: Any, function: Callable[[], Any]) -> None:
    async def main() -> None:
        future = function()
        with pytest.raises(KeyError):
            await future
        assert isinstance(future.exception(), KeyError)

    run(main)


def test_wrong_arguments_are_an_exception_of_the_future(run: Any) -> None:
    async def main() -> None:
        for function in (plain, never_yields):
            future = function()  # type: ignore[call-arg]
            with pytest.raises(TypeError, match="missing 1 required positional argument"):
                await future

    run(main)


def test_exceptions_of_what_is_yielded_are_raised_at_the_yield(run: Any) -> None:
    @gen.coroutine
    def function() -> Any:
        try:
            yield fails_after_waiting()
        except KeyError:
            caught = True
        try:
            yield fails_plain()
        except KeyError:
            return caught

    async def main() -> None:
        assert await function() is True

    run(main)


def test_what_cannot_be_waited_for_is_an_error_at_the_yield(run: Any) -> None:
    @gen.coroutine
    def function() -> Any:
        try:
            yield "text"
        except gen.BadYieldError as error:
            first = str(error)
        with pytest.raises(gen.BadYieldError):
            yield object()
        return first

    async def main() -> None:
        assert await function() == "yielded unknown object 'text'"

    run(main)


def test_everything_yieldable_can_be_yielded(run: Any) -> None:
    @gen.coroutine
    def function() -> Any:
        results = [
            (yield asyncio.sleep(0, 1)),
            (yield plain(1)),
            (yield [plain(1), waits(2), None]),
            (yield {"a": waits(1)}),
            (yield dummy_executor.submit(lambda: 7)),
            (yield None),
            (yield gen.moment),
            (yield gen.sleep(0.001)),
            (yield []),
        ]
        return results

    async def main() -> None:
        assert await function() == [1, 2, [2, 4, None], {"a": 2}, 7, None, None, None, []]

    run(main)


def test_yielding_nothing_lets_the_loop_run_one_turn(run: Any) -> None:
    turns = []

    @gen.coroutine
    def function(name: str) -> Any:
        for turn in range(3):
            turns.append((turn, name))
            yield gen.moment if turn == 1 else None

    async def main() -> None:
        await asyncio.gather(function("a"), function("b"))

    run(main)
    assert turns == sorted(turns)


def test_done_futures_cost_no_turn(run: Any) -> None:
    async def main() -> None:
        @gen.coroutine
        def function() -> Any:
            for _ in range(1000):
                yield plain(1)
            return "done"

        assert function().done()

    run(main)


def test_context_variables_are_kept_over_yields_and_not_seen_outside(run: Any) -> None:
    @gen.coroutine
    def inner(value: str) -> Any:
        before = variable.get()
        token = variable.set(value)
        yield None
        assert variable.get() == value
        yield asyncio.sleep(0)
        assert variable.get() == value
        yield native(value)
        yield plain(1)
        assert variable.get() == value
        variable.reset(token)
        yield gen.sleep(0.001)
        return before, variable.get()

    async def native(value: str) -> None:
        assert variable.get() == value
        variable.set("changed by a task")

    @gen.coroutine
    def sets(value: str) -> Any:
        variable.set(value)

    async def main() -> None:
        variable.set("main")
        assert await asyncio.gather(inner("a"), inner("b")) == [("main", "main")] * 2
        await sets("plain")
        assert variable.get() == "main"

    run(main)


def test_a_coroutine_that_raises_cancelled_is_cancelled(run: Any) -> None:
    @gen.coroutine
    def at_once() -> Any:
        raise asyncio.CancelledError("why")

    @gen.coroutine
    def after_waiting() -> Any:
        yield None
        raise asyncio.CancelledError("why")

    @gen.coroutine
    def yields_cancelled() -> Any:
        cancelled: asyncio.Future[None] = asyncio.Future()
        asyncio.get_running_loop().call_soon(cancelled.cancel)
        yield cancelled

    async def main() -> None:
        for function in (at_once, after_waiting, yields_cancelled):
            future = function()
            with pytest.raises(asyncio.CancelledError):
                await future
            assert future.cancelled()

    run(main)


def test_a_coroutine_may_catch_the_cancellation(run: Any) -> None:
    @gen.coroutine
    def function() -> Any:
        cancelled: asyncio.Future[None] = asyncio.Future()
        cancelled.cancel()
        try:
            yield cancelled
        except asyncio.CancelledError:
            return "caught"

    async def main() -> None:
        assert await function() == "caught"

    run(main)


def test_cancelling_the_future_does_not_stop_the_function(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    ended = []

    @gen.coroutine
    def function(error: Exception | None = None) -> Any:
        yield asyncio.sleep(0)
        ended.append(1)
        if error is not None:
            raise error

    async def main() -> None:
        for error in (None, KeyError("nobody waits")):
            future = function(error)
            future.cancel()
            await asyncio.sleep(0.002)
            assert future.cancelled()

    run(main)
    assert ended == [1, 1]
    assert "KeyError: 'nobody waits'" in caplog.text


def test_a_task_that_is_cancelled_while_it_awaits_a_coroutine_goes_on(run: Any) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(waits(1))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)


def test_functions_may_return_generators_that_others_made(run: Any) -> None:
    def generator() -> Generator[Any, Any, str]:
        variable.set("mine")
        yield None
        return variable.get()

    class Compiled(Generator[Any, Any, str]):
        """What is not of the interpreter's own generator type."""

        def __init__(self) -> None:
            self.inner = generator()

        def send(self, value: Any) -> Any:
            return self.inner.send(value)

        def throw(self, *args: Any) -> Any:
            return self.inner.throw(*args)

    async def main() -> None:
        assert await gen.coroutine(lambda: generator())() == "mine"
        assert await gen.coroutine(lambda: Compiled())() == "mine"
        assert variable.get() == "outer"

    run(main)


def test_an_infinite_coroutine_and_its_future_can_be_collected() -> None:
    ended: list[Any] = []

    @gen.coroutine
    def infinite() -> Any:
        try:
            while True:
                yield gen.sleep(0.0005)
        finally:
            ended.append(None)

    async def main() -> weakref.ref[Any]:
        future = infinite()
        await asyncio.sleep(0.002)
        return weakref.ref(future)

    reference = asyncio.run(main())
    gc.collect()
    assert reference() is None
    assert ended == [None]


def test_a_coroutine_lives_as_long_as_its_future(run: Any) -> None:
    async def main() -> None:
        kept: list[weakref.ref[asyncio.Future[str]]] = []

        @gen.coroutine
        def function() -> Any:
            future: asyncio.Future[str] = asyncio.Future()
            kept.append(weakref.ref(future))
            result = yield future
            return result

        future = function()
        gc.collect()
        awaited = kept[0]()
        assert awaited is not None
        awaited.set_result("kept")
        assert await future == "kept"

    run(main)


@pytest.mark.parametrize("late", [False, True])
def test_no_cycle_keeps_a_failed_coroutine_alive(run: Any, late: bool) -> None:
    class Marker:
        pass

    markers: list[weakref.ref[Marker]] = []

    @gen.coroutine
    def inner() -> Any:
        local = Marker()
        markers.append(weakref.ref(local))
        yield None if late else plain(1)
        raise KeyError("x")

    @gen.coroutine
    def outer() -> Any:
        try:
            yield inner()
        except KeyError:
            return "caught"

    async def main() -> None:
        gc.collect()
        gc.disable()
        try:
            assert await outer() == "caught"
            await asyncio.sleep(0)
            assert markers[0]() is None
        finally:
            gc.enable()

    run(main)


def test_debug_mode_says_where_the_coroutine_was_called() -> None:
    async def main() -> None:
        future = waits(1)
        assert f"created at {__file__}:" in repr(future)
        await future

    asyncio.run(main(), debug=True)


def test_it_works_before_the_loop_runs() -> None:
    io_loop = IOLoop(make_current=True)
    try:
        future = waits(2)
        assert io_loop.run_sync(lambda: future) == 4
    finally:
        io_loop.close()
        asyncio.set_event_loop(None)


def test_keyboard_interrupt_ends_the_loop_and_the_waiting() -> None:
    @gen.coroutine
    def function() -> Any:
        yield None
        raise KeyboardInterrupt

    io_loop = IOLoop(make_current=True)
    try:
        future = function()
        with pytest.raises(KeyboardInterrupt):
            io_loop.asyncio_loop.run_forever()
        assert isinstance(future.exception(), KeyboardInterrupt)
    finally:
        io_loop.close()
        asyncio.set_event_loop(None)


def test_a_function_may_return_a_generator_once_and_something_else_another_time(run: Any) -> None:
    def generator() -> Generator[Any, Any, int]:
        yield asyncio.sleep(0)
        return 3

    @gen.coroutine
    def either(what: Any = None) -> Any:
        return generator() if what == "generator" else what

    async def main() -> None:
        assert await either(1) == 1
        assert await either("generator") == 3
        assert await either(2) == 2
        assert await either("generator") == 3
        assert await either("text") == "text"
        assert await either() is None
        assert await either(what=4) == 4

    run(main)


def test_a_generator_that_a_function_returns_runs_in_the_context_of_the_function(run: Any) -> None:
    def reads() -> Generator[Any, Any, str]:
        yield asyncio.sleep(0)
        return variable.get()

    @gen.coroutine
    def sets() -> Any:
        variable.set("inner")
        return reads()

    async def main() -> None:
        assert await sets() == "inner"
        assert variable.get() == "outer"

    run(main)


class Shapes:
    """Functions with all kinds of parameters; each returns what it got."""

    @gen.coroutine
    def method(self) -> Any:
        return self

    @gen.coroutine
    def one_more(self, x: Any) -> Any:
        return x

    @staticmethod
    @gen.coroutine
    def none() -> Any:
        return "none"

    @staticmethod
    @gen.coroutine
    def result(result: Any = "default") -> Any:
        return result

    @staticmethod
    @gen.coroutine
    def several(a: Any, b: Any = 2, *more: Any, key: Any = 3, **others: Any) -> Any:
        return a, b, more, key, others

    @staticmethod
    @gen.coroutine
    def position_only(x: Any, /) -> Any:
        return x


def test_arguments_are_passed_as_they_are_given(run: Any) -> None:
    async def main() -> None:
        shapes = Shapes()
        for _ in range(2):  # the second time the type of the result is known
            assert await shapes.method() is shapes
            assert await Shapes.method(self=shapes) is shapes  # type: ignore[call-arg]
            assert await shapes.one_more(1) == await shapes.one_more(x=1) == 1
            assert await shapes.none() == "none"
            assert await shapes.result("given") == await shapes.result(result="given") == "given"
            assert await shapes.result() == "default"
            assert await shapes.several(1, 5, 6, key=7, z=8) == (1, 5, (6,), 7, {"z": 8})
            assert await shapes.several(b=4, a=3) == (3, 4, (), 3, {})
            assert await shapes.position_only(9) == 9
            assert await gen.coroutine(int)("5") == 5

    run(main)


def test_arguments_of_generators_are_passed_as_they_are_given(run: Any) -> None:
    @gen.coroutine
    def takes(*args: Any, **kwargs: Any) -> Any:
        yield gen.moment
        return args, kwargs

    async def main() -> None:
        assert await takes() == ((), {})
        assert await takes(None) == ((None,), {})
        assert await takes(1, 2) == ((1, 2), {})
        assert await takes(first=1, rest=2, named=3) == ((), {"first": 1, "rest": 2, "named": 3})
        assert await takes(1, first=2) == ((1,), {"first": 2})
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            await gen.coroutine(lambda: (yield))(first=1)

    run(main)


def test_arguments_that_do_not_fit_are_a_type_error_that_names_the_function(run: Any) -> None:
    async def main() -> None:
        shapes: Any = Shapes()
        for wrong in (
            lambda: shapes.method(1),
            lambda: shapes.none(1),
            lambda: shapes.none(x=1),
            lambda: shapes.result(other=1),
            lambda: shapes.result(1, 2),
            lambda: shapes.several(),
            lambda: shapes.one_more(),
            lambda: shapes.position_only(x=1),
        ):
            with pytest.raises(TypeError, match=r"Shapes\.\w+\(\)"):
                await wrong()

    run(main)


def test_values_that_do_not_fit_are_kept_in_the_future_and_so_are_names_where_any_may_be_given(run: Any) -> None:
    async def main() -> None:
        shapes: Any = Shapes()
        for future in shapes.none(1), shapes.method(1), shapes.result(other=1), shapes.position_only(x=1):
            assert isinstance(future.exception(), TypeError)

    run(main)


@pytest.mark.parametrize("given", [(), (1,), (None,), (1, 2)])
def test_a_function_ends_in_the_same_ways_however_much_it_is_given(run: Any, given: tuple[Any, ...]) -> None:
    """There is a way of its own for functions without parameters."""

    def decorated(does: Any) -> Any:
        if not given:
            return gen.coroutine(lambda: does())
        return gen.coroutine(lambda *values: does() if values == given else "wrong values")

    def throws(error: BaseException) -> Any:
        def throw() -> None:
            variable.set("inner")
            raise error

        return throw

    def later() -> Generator[Any, Any, str]:
        yield gen.moment
        return "later"

    async def main() -> None:
        variable.set("outer")
        for value in None, 1, None, 2, "three":  # known and unknown types in turn
            for _ in range(2):
                future = decorated(lambda value=value: value)(*given)
                assert future.done()
                assert await future == future.result() == value
        assert await decorated(lambda: variable.set("inner") and None)(*given) is None
        assert await decorated(later)(*given) == "later"
        assert await decorated(throws(gen.Return("returned")))(*given) == "returned"
        assert await decorated(throws(StopIteration("stopped")))(*given) == "stopped"
        failed = decorated(throws(LookupError("lost")))(*given)
        assert isinstance(failed.exception(), LookupError)
        with pytest.raises(LookupError, match="lost") as caught:
            await failed
        assert "throw" in [entry.name for entry in caught.traceback]
        assert decorated(throws(asyncio.CancelledError()))(*given).cancelled()
        with pytest.raises(KeyboardInterrupt):
            decorated(throws(KeyboardInterrupt()))(*given)
        assert variable.get() == "outer"

    run(main)


def test_the_signature_is_that_of_the_function() -> None:
    assert str(inspect.signature(Shapes.result)).startswith("(result: Any = 'default')")
    assert list(inspect.signature(Shapes.method).parameters) == ["self"]
