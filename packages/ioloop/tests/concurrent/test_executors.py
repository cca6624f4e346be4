"""Synchronous methods on executors."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Iterator

import pytest

from waterspout.concurrent import DummyExecutor, Future, dummy_executor, run_on_executor


class Worker:
    """Has one executor of the usual name and one of another."""

    def __init__(self, pool: concurrent.futures.Executor) -> None:
        self.executor = dummy_executor
        self.pool = pool

    @run_on_executor
    def where(self, question: str = "") -> tuple[str, int]:
        """Where it runs."""
        return question, threading.get_ident()

    @run_on_executor(executor="pool")
    def elsewhere(self, question: str = "") -> tuple[str, int]:
        return question, threading.get_ident()

    @run_on_executor(executor="pool")
    def fail(self) -> None:
        raise KeyError("failed")


@pytest.fixture
def worker() -> Iterator[Worker]:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        yield Worker(pool)


def test_methods_run_on_the_named_executor(worker: Worker) -> None:
    async def main() -> None:
        future = worker.where("here?")
        assert isinstance(future, Future)
        assert await future == ("here?", threading.get_ident())
        question, thread = await worker.elsewhere(question="there?")
        assert question == "there?"
        assert thread != threading.get_ident()

    asyncio.run(main())


def test_exceptions_come_through_the_future(worker: Worker) -> None:
    async def main() -> None:
        with pytest.raises(KeyError, match="failed"):
            await worker.fail()

    asyncio.run(main())


def test_the_method_stays_what_it_was(worker: Worker) -> None:
    assert Worker.where.__name__ == "where"
    assert Worker.where.__doc__ == "Where it runs."


def test_wrong_uses_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot combine"):
        run_on_executor(len, executor="x")
    with pytest.raises(TypeError, match="no argument io_loop"):
        run_on_executor(io_loop="x")
    with pytest.raises(ValueError, match="expected 1 argument, got 2"):
        run_on_executor(len, len)


def test_the_dummy_executor_runs_at_once() -> None:
    ran = []
    with DummyExecutor() as executor:
        future = executor.submit(lambda x, *, y: ran.append((x, y)), 1, y=2)
        assert ran == [(1, 2)]
        assert future.done() and future.result() is None
        failed = executor.submit(int, "x")
        assert isinstance(failed.exception(), ValueError)
        assert list(executor.map(abs, [-1, 2])) == [1, 2]
    executor.shutdown(wait=False, cancel_futures=True)
    assert executor.submit(fn=int).result() == 0
