"""The Runner, as far as it is public."""

import asyncio
import contextvars
from collections.abc import Generator
from typing import Any

import pytest

from waterspout import gen
from waterspout.ioloop import IOLoop


def start(generator: Generator[Any, Any, Any]) -> tuple[gen.Runner, asyncio.Future[Any]]:
    result: asyncio.Future[Any] = asyncio.Future()
    context = contextvars.copy_context()
    first = context.run(next, generator)
    return context.run(gen.Runner, context.run, generator, result, first), result


def test_it_drives_a_generator_to_its_end(run: Any) -> None:
    def generator() -> Any:
        yield None
        value = yield asyncio.sleep(0, 5)
        return value

    async def main() -> None:
        runner, result = start(generator())
        assert (runner.running, runner.finished, runner.result_future) == (False, False, result)
        assert runner.io_loop is IOLoop.current()
        assert await result == 5
        assert (runner.finished, runner.result_future, runner.future) == (True, None, None)
        runner.run()

    run(main)


def test_run_does_nothing_while_what_it_waits_for_is_not_done(run: Any) -> None:
    async def main() -> None:
        awaited: asyncio.Future[str] = asyncio.Future()

        def generator() -> Any:
            return (yield awaited)

        runner, result = start(generator())
        runner.ctx_run(runner.run)
        assert runner.future is awaited
        awaited.set_result("x")
        assert await result == "x"

    run(main)


def test_an_exception_can_be_thrown_in_where_it_waits(run: Any) -> None:
    async def main() -> None:
        def generator() -> Any:
            try:
                yield asyncio.Future()
            except KeyError as error:
                return error

        runner, result = start(generator())
        error = KeyError("thrown")
        assert runner.handle_exception(KeyError, error, None) is True  # type: ignore[arg-type]
        assert await result is error
        assert runner.handle_exception(KeyError, error, None) is False  # type: ignore[arg-type]

    run(main)


def test_it_does_not_need_a_context(run: Any) -> None:
    async def main() -> None:
        def generator() -> Any:
            yield None
            yield asyncio.sleep(0)
            return 5

        generated = generator()
        result: asyncio.Future[Any] = asyncio.Future()
        gen.Runner(lambda function, *args: function(*args), generated, result, next(generated))
        assert await result == 5

    run(main)


def test_the_generator_never_sees_its_exception_as_current_without_a_handler(run: Any) -> None:
    import sys

    @gen.coroutine
    def fails() -> Any:
        yield None
        raise KeyError

    @gen.coroutine
    def function() -> Any:
        try:
            yield fails()
        except KeyError:
            pass
        return sys.exc_info()

    async def main() -> None:
        assert await function() == (None, None, None)

    run(main)


def test_return_carries_its_value() -> None:
    assert (gen.Return(5).value, gen.Return(5).args) == (5, (5,))
    assert gen.Return().value is None


@pytest.mark.parametrize("name", gen.__all__)
def test_the_window_has_what_it_promises(name: str) -> None:
    thing = getattr(gen, name)
    if isinstance(thing, type) and thing.__module__ != "builtins":
        assert thing.__module__ == "waterspout.gen"
