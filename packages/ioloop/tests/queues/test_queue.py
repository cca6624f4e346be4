"""Queue: items from coroutines to coroutines."""

import asyncio
import datetime
import random
from collections import Counter
from typing import Any

import pytest

from waterspout import gen, queues
from waterspout.concurrent import Future
from waterspout.ioloop import IOLoop
from waterspout.queues import LifoQueue, PriorityQueue, Queue, QueueEmpty, QueueFull, QueueStatistics

SOON = datetime.timedelta(milliseconds=2)
kinds = pytest.mark.parametrize("make", [Queue, PriorityQueue, LifoQueue])


def test_items_come_out_in_the_order_in_which_they_went_in(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue()
        for item in range(3):
            await queue.put(item)
        assert [await queue.get() for _ in range(3)] == [0, 1, 2]
        assert queue.empty() and not queue.full()

    run(main)


def test_put_and_get_return_futures_that_are_done_if_there_is_nothing_to_wait_for(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue(1)
        first, second = queue.put(1), queue.put(2)
        assert isinstance(first, Future) and isinstance(second, Future)
        assert (first.done(), second.done()) == (True, False)
        assert first.result() is None
        got = [queue.get() for _ in range(3)]
        assert all(isinstance(each, Future) for each in got)
        assert [each.done() for each in got] == [True, True, False]
        assert second.done()
        queue.put_nowait(3)
        assert [each.result() for each in got] == [1, 2, 3]

    run(main)


def test_no_two_puts_share_a_future_that_somebody_holds(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue()
        held = [queue.put(item) for item in range(5)]
        assert len({id(future) for future in held}) == 5

        async def keeps(future: Any) -> int:
            await asyncio.sleep(0)
            return id(future)

        assert len(set(await asyncio.gather(*(keeps(queue.put(item)) for item in range(5))))) == 5
        by_future = {queue.put(item): item for item in range(5)}
        assert sorted(by_future.values()) == list(range(5))
        waiting = gen.WaitIterator(*(queue.put(item) for item in range(5)))
        indices = []
        while not waiting.done():
            assert await waiting.next() is None
            indices.append(waiting.current_index)
        assert sorted(indices) == list(range(5))
        assert [await each for each in asyncio.as_completed([queue.put(item) for item in range(5)])] == 5 * [None]

    run(main)


def test_getters_are_served_in_the_order_of_asking(run: Any) -> None:
    async def main() -> None:
        queue: Queue[str] = Queue()
        getters = [queue.get() for _ in range(3)]
        for item in "abc":
            await queue.put(item)
        assert [await getter for getter in getters] == ["a", "b", "c"]

    run(main)


def test_putters_are_served_in_the_order_of_asking(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue(1)
        putters = [queue.put(item) for item in range(4)]
        assert [await queue.get() for _ in range(4)] == [0, 1, 2, 3]
        assert all(putter.done() for putter in putters)

    run(main)


@kinds
def test_nothing_waits_without_awaiting(make: type[Queue[int]]) -> None:
    queue = make(2)
    with pytest.raises(QueueEmpty, match="no item in <.*Queue at"):
        queue.get_nowait()
    queue.put_nowait(1)
    queue.put_nowait(2)
    assert queue.full()
    with pytest.raises(QueueFull, match="no room for an item in <.*Queue at"):
        queue.put_nowait(3)
    assert sorted([queue.get_nowait(), queue.get_nowait()]) == [1, 2]


def test_put_nowait_serves_getters_and_get_nowait_serves_putters(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue(1)
        getter = queue.get()
        queue.put_nowait(1)
        assert getter.result() == 1 and queue.empty()
        await queue.put(2)
        putter = queue.put(3)
        assert queue.get_nowait() == 2
        assert putter.done() and queue.get_nowait() == 3

    run(main)


@kinds
@pytest.mark.parametrize("timeout", [SOON, datetime.timedelta(0), 0, 1.0])
def test_waiting_ends_with_the_timeout(run: Any, make: type[Queue[int]], timeout: Any) -> None:
    async def main() -> None:
        queue = make(1)
        with pytest.raises(TimeoutError):
            await queue.get(timeout)
        await queue.put(1, timeout)
        with pytest.raises(TimeoutError):
            await queue.put(2, timeout)
        with pytest.raises(TimeoutError):
            await queue.join(timeout)
        assert await queue.get(timeout) == 1
        assert queue.empty(), "what timed out was not put in"
        queue.task_done()
        await queue.join(timeout)
        assert queue.statistics() == QueueStatistics(0, 1, 0, 0, 0)

    run(main)


def test_a_timeout_that_has_passed_decides_at_once(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue(1)
        assert isinstance(queue.get(timeout=0).exception(), TimeoutError)
        assert queue.put(1, timeout=0).done()
        assert isinstance(queue.put(2, timeout=0).exception(), TimeoutError)
        assert queue.get(timeout=0).result() == 1

    run(main)


def test_absolute_timeouts_are_on_the_scale_of_the_loop(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue()
        with pytest.raises(TimeoutError):
            await queue.get(IOLoop.current().time() + 0.002)
        getter = queue.get(IOLoop.current().time() + 30)
        queue.put_nowait(1)
        assert await getter == 1

    run(main)


def test_who_timed_out_is_passed_over(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue(1)
        short, long = queue.get(SOON), queue.get()
        with pytest.raises(TimeoutError):
            await short
        queue.put_nowait(1)
        assert long.result() == 1
        queue.put_nowait(2)
        late, patient = queue.put(3, SOON), queue.put(4)
        with pytest.raises(TimeoutError):
            await late
        assert [await queue.get(), await queue.get()] == [2, 4]
        assert patient.done()

    run(main)


def test_join_waits_until_all_items_are_worked_off(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue()
        await queue.join()
        queue.put_nowait(1)
        queue.put_nowait(2)
        joining = queue.join(), queue.join(datetime.timedelta(1))
        queue.get_nowait()
        queue.task_done()
        assert not joining[0].done()
        queue.get_nowait()
        assert not joining[0].done()
        queue.task_done()
        for each in joining:
            assert await each is None
        assert queue.join().done()

    run(main)


@kinds
def test_more_tasks_than_items_cannot_be_done(make: type[Queue[int]]) -> None:
    queue = make()
    with pytest.raises(ValueError, match="too many times"):
        queue.task_done()
    queue.put_nowait(1)
    queue.task_done()
    with pytest.raises(ValueError, match="too many times"):
        queue.task_done()


def test_items_that_wait_for_room_count_for_join_when_they_are_in(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue(1)
        queue.put(1)
        queue.put(2)
        assert queue.statistics() == QueueStatistics(size=1, maxsize=1, getters=0, putters=1, unfinished=1)
        queue.get_nowait()
        queue.task_done()
        assert queue.statistics().unfinished == 1
        assert not queue.join().done()

    run(main)


def test_async_for_gets_items_for_ever(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue(2)
        seen = []

        async def consume() -> None:
            async for item in queue:
                seen.append(item)
                queue.task_done()

        consumer = asyncio.ensure_future(consume())
        for item in range(10):
            await queue.put(item)
        await queue.join()
        assert seen == list(range(10))
        assert not consumer.done()
        consumer.cancel()

    run(main)


def test_gen_coroutines_can_use_it(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue(1)

        @gen.coroutine
        def produce() -> Any:
            for item in range(5):
                yield queue.put(item)

        @gen.coroutine
        def consume() -> Any:
            items = []
            for _ in range(5):
                items.append((yield queue.get()))
                queue.task_done()
            yield queue.join()
            return items

        assert (await gen.multi([produce(), consume()]))[1] == [0, 1, 2, 3, 4]

    run(main)


@pytest.mark.parametrize(("wrong", "error"), [(None, TypeError), (-1, ValueError)])
def test_sizes_that_are_none_are_refused(wrong: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="maxsize can't be"):
        Queue(wrong)


def test_a_size_between_integers_has_room_for_the_next(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue(1.3)  # type: ignore[arg-type]
        queue.put_nowait(1)
        queue.put_nowait(2)
        assert queue.full()
        putter = queue.put(3)
        assert [await queue.get() for _ in range(3)] == [1, 2, 3]
        await putter

    run(main)


def test_its_state_is_shown(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue(1)
        assert str(queue) == "<Queue maxsize=1>"
        assert repr(queue) == f"<Queue at {hex(id(queue))} maxsize=1>"
        getter = queue.get()
        assert str(queue) == "<Queue maxsize=1 getters[1]>"
        getter.cancel()
        for item in range(3):
            queue.put(item)
        assert str(queue) == "<Queue maxsize=1 queue=deque([0]) putters[2] tasks=1>"
        assert (queue.maxsize, queue.qsize()) == (1, 1)

    run(main)


@kinds
@pytest.mark.parametrize("maxsize", [0, 1, 2])
@pytest.mark.parametrize("timeout", [None, datetime.timedelta(1)])
def test_cancelled_at_any_await_of_get_no_item_is_lost(
    cancel_everywhere: Any, make: type[Queue[int]], maxsize: int, timeout: Any
) -> None:
    def scenario() -> Any:
        queue = make(maxsize)
        put = 6
        got: list[int] = []

        async def consume() -> None:
            for _ in range(2):
                got.append(await queue.get(timeout))
                await asyncio.sleep(0)

        async def produce() -> None:
            for item in range(put):
                await asyncio.sleep(0)
                queue.put_nowait(item) if maxsize == 0 else await queue.put(item)

        async def rest() -> None:
            while len(got) < put:
                got.append(await queue.get())

        async def check() -> None:
            assert Counter(got) == Counter(range(put))
            assert queue.statistics() == QueueStatistics(0, maxsize, 0, 0, put)

        return consume, [produce, rest], check

    cancel_everywhere(scenario)


@kinds
def test_cancelled_at_any_await_of_put_the_counts_fit_the_items(cancel_everywhere: Any, make: type[Queue[int]]) -> None:
    def scenario() -> Any:
        queue = make(1)
        confirmed: list[int] = []
        got: list[int] = []

        async def produce() -> None:
            for item in range(3):
                await queue.put(item)
                confirmed.append(item)

        async def consume() -> None:
            for _ in range(10):
                await asyncio.sleep(0)
            while True:
                try:
                    got.append(await queue.get(datetime.timedelta(milliseconds=1)))
                except TimeoutError:
                    return

        async def check() -> None:
            got.extend(queue.get_nowait() for _ in range(queue.qsize()))
            assert set(confirmed) <= set(got), "what was confirmed was lost"
            assert len(got) == len(set(got)), "an item came twice"
            assert queue.statistics() == QueueStatistics(0, 1, 0, 0, len(got))

        return produce, [consume], check

    cancel_everywhere(scenario)


def test_cancelled_at_any_await_of_join_others_join(cancel_everywhere: Any) -> None:
    def scenario() -> Any:
        queue: Queue[int] = Queue()
        queue.put_nowait(1)
        joined = []

        async def join() -> None:
            await queue.join()

        async def other() -> None:
            await queue.join()
            joined.append(1)

        async def work() -> None:
            for _ in range(3):
                await asyncio.sleep(0)
            queue.get_nowait()
            queue.task_done()

        async def check() -> None:
            assert joined == [1]

        return join, [other, work], check

    cancel_everywhere(scenario)


def test_an_item_handed_to_a_cancelled_task_is_the_next_again(run: Any) -> None:
    async def main() -> None:
        queue: Queue[str] = Queue(1)

        async def get() -> str:
            return await queue.get()

        task = asyncio.ensure_future(get())
        await asyncio.sleep(0)
        queue.put_nowait("first")
        queue.put_nowait("second")
        putter = queue.put("third")
        task.cancel()
        await asyncio.wait({task})
        assert queue.qsize() == 2, "one more than there should be, for a while"
        assert queue.full()
        assert await queue.get() == "first"
        assert not putter.done()
        assert await queue.get() == "second"
        assert putter.done()
        assert await queue.get() == "third"

    run(main)


def test_an_item_handed_to_a_cancelled_task_goes_to_the_next_getter(run: Any) -> None:
    async def main() -> None:
        queue: Queue[str] = Queue()

        async def get() -> str:
            return await queue.get()

        first, second = asyncio.ensure_future(get()), asyncio.ensure_future(get())
        await asyncio.sleep(0)
        queue.put_nowait("item")
        first.cancel()
        assert await asyncio.wait_for(second, 1) == "item"

    run(main)


def test_wait_for_loses_no_item(run: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.get(), 0.001)
        queue.put_nowait(1)
        assert await asyncio.wait_for(queue.get(), 1) == 1
        done, _ = await asyncio.wait({asyncio.ensure_future(queue.get()), queue.put(2)}, timeout=1)
        assert len(done) == 2

    run(main)


@pytest.mark.parametrize("seed", range(5))
def test_in_random_traffic_with_cancellations_nothing_is_lost_or_doubled(run: Any, seed: int) -> None:
    async def main() -> None:
        chance = random.Random(seed)
        queue: Queue[int] = Queue(chance.choice([0, 1, 3]))
        confirmed: set[int] = set()
        got: list[int] = []

        async def produce(first: int) -> None:
            for item in range(first, first + 20):
                await queue.put(item, chance.choice([None, datetime.timedelta(1)]))
                confirmed.add(item)

        async def consume() -> None:
            while True:
                item = await queue.get(chance.choice([None, datetime.timedelta(1)]))
                got.append(item)
                if chance.random() < 0.3:
                    await asyncio.sleep(0)

        producers = [asyncio.ensure_future(produce(100 * number)) for number in range(5)]
        consumers = [asyncio.ensure_future(consume()) for _ in range(4)]
        for _ in range(60):
            await asyncio.sleep(0)
            chance.choice(consumers).cancel()
            consumers.append(asyncio.ensure_future(consume()))
            if chance.random() < 0.02:
                chance.choice(producers).cancel()
        await asyncio.wait(producers, timeout=1)
        for task in consumers:
            task.cancel()
        await asyncio.wait(consumers)
        got.extend(queue.get_nowait() for _ in range(queue.qsize()))
        assert len(got) == len(set(got))
        assert confirmed <= set(got)
        assert queue.statistics().unfinished == len(got)

    run(main)


def test_subclasses_may_decide_the_order(run: Any) -> None:
    class Reversed(Queue[int]):
        def _get(self) -> int:
            item: int = self._queue.pop()
            return item

    class Doubling(Queue[int]):
        def _put(self, item: int) -> None:
            super()._put(2 * item)

    async def main() -> None:
        reverse, double = Reversed(), Doubling()
        for item in (1, 2):
            await reverse.put(item)
            await double.put(item)
        assert [await reverse.get(), await reverse.get()] == [2, 1]
        assert [await double.get(), await double.get()] == [2, 4]
        getter = double.get()
        double.put_nowait(5)
        assert await getter == 10

    run(main)


def test_it_may_be_made_without_a_loop_and_used_on_several_in_turn() -> None:
    queue: Queue[int] = Queue(1)

    async def main() -> None:
        getter = asyncio.ensure_future(_get(queue))
        await asyncio.sleep(0)
        await queue.put(1)
        assert await getter == 1

    for _ in range(2):
        asyncio.run(main())


async def _get(queue: Queue[int]) -> int:
    return await queue.get()


@pytest.mark.parametrize("name", queues.__all__)
def test_the_window_has_what_it_promises(name: str) -> None:
    assert isinstance(getattr(queues, name), type)
    if name != "QueueStatistics":
        assert getattr(queues, name).__module__ == "waterspout.queues"
