"""PendingRead: a Future that wakes its task at once, and otherwise behaves as any."""

import asyncio
import contextvars

import pytest

from waterspout.iostream._pending import PendingRead


class Stream:
    def __init__(self):
        self.cancelled = []

    def _read_cancelled(self, read):
        self.cancelled.append(read)


@pytest.fixture
def pending():
    def pending():
        read = PendingRead(loop=asyncio.get_running_loop())
        read.stream = Stream()
        read.wake = None
        return read

    return pending


def test_delivery_runs_the_waiting_task_within_the_callback(run, pending):
    async def main():
        read = pending()
        variable = contextvars.ContextVar("variable")
        seen = []

        async def wait():
            variable.set("the task's")
            seen.append((await read, variable.get(), asyncio.current_task()))

        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0)

        def deliver():
            read.deliver(b"data")
            seen.append("after")

        asyncio.get_running_loop().call_soon(deliver)
        await task
        assert seen == [(b"data", "the task's", task), "after"]

    run(main)


def test_task_cannot_be_cancelled_between_delivery_and_its_step(run, pending):
    async def main():
        read = pending()

        async def wait():
            return await read

        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0)

        def deliver_and_cancel():
            read.deliver(b"data")
            task.cancel()

        asyncio.get_running_loop().call_soon(deliver_and_cancel)
        assert await task == b"data"

    run(main)


@pytest.mark.parametrize("method", ["set_result", "set_exception", "cancel"])
def test_other_ends_are_scheduled(run, pending, method):
    async def main():
        read = pending()
        steps = []

        async def wait():
            try:
                await read
            except (ValueError, asyncio.CancelledError):
                pass
            steps.append("task")

        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        arguments = {"set_result": [1], "set_exception": [ValueError()], "cancel": []}[method]
        getattr(read, method)(*arguments)
        steps.append("after")
        await task
        assert steps == ["after", "task"]
        assert read.stream.cancelled == ([read] if method == "cancel" else [])
        assert not read.cancel()

    run(main)


def test_two_tasks_may_wait_for_one_read(run, pending):
    async def main():
        read = pending()

        async def wait():
            return await read

        tasks = [asyncio.ensure_future(wait()) for _ in range(2)]
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(read.deliver, 5)
        assert await asyncio.gather(*tasks) == [5, 5]

    run(main)


def test_works_with_asyncios_tools(run, pending):
    async def main():
        read = pending()
        asyncio.get_running_loop().call_soon(read.deliver, 1)
        assert await asyncio.shield(read) == 1
        read = pending()
        asyncio.get_running_loop().call_soon(read.deliver, 2)
        assert await asyncio.gather(read) == [2]
        read = pending()
        asyncio.get_running_loop().call_soon(read.deliver, 3)
        done, _ = await asyncio.wait([read])
        assert done == {read}
        read = pending()
        read.deliver(4)
        assert await read == 4

    run(main)
