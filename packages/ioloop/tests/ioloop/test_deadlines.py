"""`Deadlines`: many deadlines, one timer."""

import asyncio
import heapq
import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.ioloop import Deadlines, IOLoop


class FakeClock:
    """An asyncio loop as far as `Deadlines` needs it, whose time passes by `run_until`."""

    def __init__(self, now=1000.0):
        self.now = now
        self.timers = []
        self.calls = 0

    def time(self):
        return self.now

    def call_at(self, when, callback):
        timer = SimpleNamespace(when=when, callback=callback, cancelled=False)
        timer.cancel = lambda: setattr(timer, "cancelled", True)
        heapq.heappush(self.timers, (when, id(timer), timer))
        return timer

    def run_until(self, when):
        while self.timers and self.timers[0][0] <= when:
            due, _, timer = heapq.heappop(self.timers)
            self.now = max(self.now, due)
            if not timer.cancelled:
                self.calls += 1
                timer.callback()
        self.now = when

    @property
    def pending(self):
        return [timer for _, _, timer in self.timers if not timer.cancelled]


class Item:
    def __init__(self, deadlines, seconds=math.inf, action=None):
        self.deadlines = deadlines
        self.deadline = deadlines.now + seconds
        self.told = []
        self.action = action

    def deadline_passed(self):
        self.told.append(self.deadlines.now)
        if self.action is not None:
            self.action()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def deadlines(clock):
    return Deadlines(SimpleNamespace(asyncio_loop=clock))


def test_item_is_told_once_within_one_resolution_after_its_deadline(clock, deadlines):
    item = Item(deadlines, 5.3)
    deadlines.watch(item)
    clock.run_until(1005.2)
    assert item.told == []
    clock.run_until(1030)
    assert len(item.told) == 1
    assert 1005.3 <= item.told[0] <= 1006.3
    assert len(deadlines) == 0


def test_resolution_may_be_fine(clock):
    deadlines = Deadlines(SimpleNamespace(asyncio_loop=clock), resolution=0.01)
    item = Item(deadlines, 0.1)
    deadlines.watch(item)
    clock.run_until(1001)
    assert 1000.1 <= item.told[0] <= 1000.1101


@pytest.mark.parametrize("resolution", [0, -1])
def test_resolution_must_be_positive(clock, resolution):
    with pytest.raises(ValueError, match="positive"):
        Deadlines(SimpleNamespace(asyncio_loop=clock), resolution=resolution)


def test_deadline_moved_later_by_assignment_is_honoured(clock, deadlines):
    item = Item(deadlines, 2)
    deadlines.watch(item)
    for second in range(1001, 1020):
        clock.run_until(second)
        item.deadline = deadlines.now + 2
    assert item.told == []
    clock.run_until(1030)
    assert len(item.told) == 1


def test_moving_a_deadline_later_costs_no_work_until_its_bucket_comes(clock, deadlines):
    item = Item(deadlines, 3600)
    deadlines.watch(item)
    item.deadline += 3600
    clock.run_until(1000 + 3599)
    assert item in deadlines._where
    clock.run_until(1000 + 3602)
    assert item.told == []
    clock.run_until(1000 + 7202)
    assert len(item.told) == 1


def test_deadline_moved_earlier_is_honoured_after_watch(clock, deadlines):
    item = Item(deadlines, 3600)
    deadlines.watch(item)
    item.deadline = deadlines.now + 2
    deadlines.watch(item)
    clock.run_until(1004)
    assert len(item.told) == 1
    assert len(deadlines) == 0


def test_item_without_deadline_is_not_watched_until_it_gets_one(clock, deadlines):
    item = Item(deadlines)
    deadlines.watch(item)
    assert clock.pending == []
    item.deadline = deadlines.now + 1
    deadlines.watch(item)
    clock.run_until(1003)
    assert len(item.told) == 1


def test_item_whose_deadline_was_taken_away_is_let_go(clock, deadlines):
    item = Item(deadlines, 2)
    deadlines.watch(item)
    item.deadline = math.inf
    clock.run_until(1010)
    assert item.told == []
    assert len(deadlines) == 0
    assert clock.pending == []


def test_forgotten_item_is_not_told_and_not_kept(clock, deadlines):
    item = Item(deadlines, 2)
    deadlines.watch(item)
    deadlines.forget(item)
    deadlines.forget(item)
    assert deadlines._buckets == {}
    clock.run_until(1010)
    assert item.told == []


def test_item_that_is_forgotten_before_the_first_tick_leaves_nothing(clock, deadlines):
    items = [Item(deadlines, 5) for _ in range(3)]
    for item in items:
        deadlines.watch(item)
    for item in items[1:]:
        deadlines.forget(item)
    assert len(deadlines) == 1
    clock.run_until(clock.now + 10)
    assert [len(item.told) for item in items] == [1, 0, 0] and len(deadlines) == 0 and not clock.pending


def test_watch_for_counts_from_the_true_time_while_nothing_is_watched(clock, deadlines):
    clock.now += 0.7
    item = Item(deadlines)
    deadlines.watch_for(item, 5)
    assert item.deadline == clock.now + 5 and len(deadlines) == 1
    clock.run_until(clock.now + 7)
    assert len(item.told) == 1 and 0 <= item.told[0] - item.deadline <= 1


@pytest.mark.parametrize("seconds", [2, 20])
def test_watch_for_moves_the_deadline_of_an_item_in_either_direction(clock, deadlines, seconds):
    item = Item(deadlines, 10)
    deadlines.watch(item)
    clock.run_until(clock.now + 1.5)  # it has its bucket now
    deadlines.watch_for(item, seconds)
    assert len(deadlines) == 1
    clock.run_until(clock.now + 25)
    assert len(item.told) == 1 and 0 <= item.told[0] - item.deadline <= 1


def test_deadline_that_was_taken_away_before_the_first_tick_is_not_told(clock, deadlines):
    item = Item(deadlines, 0.1)
    deadlines.watch(item)
    item.deadline = math.inf
    clock.run_until(clock.now + 5)
    assert item.told == [] and len(deadlines) == 0 and not clock.pending


def test_deadline_that_has_passed_already_is_told_by_the_next_tick_not_by_watch(clock, deadlines):
    item = Item(deadlines, -100)
    deadlines.watch(item)
    assert item.told == []
    clock.run_until(1002)
    assert len(item.told) == 1


def test_timer_runs_only_while_something_is_watched(clock, deadlines):
    assert clock.pending == []
    items = [Item(deadlines, n) for n in (1, 2, 3)]
    for item in items:
        deadlines.watch(item)
    assert len(clock.pending) == 1, "one timer for all"
    clock.run_until(1010)
    assert clock.pending == []
    ticks = clock.calls
    clock.run_until(2000)
    assert clock.calls == ticks


def test_now_is_true_while_nothing_is_watched_and_coarse_afterwards(clock, deadlines):
    clock.now = 1234.5
    assert deadlines.now == 1234.5
    deadlines.watch(Item(deadlines, 60))
    clock.now = 1234.9
    assert deadlines.now == 1234.5
    clock.run_until(1236.2)
    assert deadlines.now == 1236.0


def test_deadline_made_after_a_long_idle_time_does_not_count_from_the_last_tick(clock, deadlines):
    first = Item(deadlines, 1)
    deadlines.watch(first)
    clock.run_until(1010)
    clock.run_until(9000)
    late = Item(deadlines, 5)
    deadlines.watch(late)
    clock.run_until(9004)
    assert late.told == []


def test_item_may_watch_itself_again_when_told(clock, deadlines):
    item = Item(deadlines, 1)

    def again():
        item.deadline = deadlines.now + 3
        deadlines.watch(item)

    item.action = again
    deadlines.watch(item)
    clock.run_until(1010)
    assert item.told == [1001, 1004, 1007, 1010]


def test_item_may_forget_another_of_the_same_tick(clock, deadlines):
    items = [Item(deadlines, 1), Item(deadlines, 1)]
    for item, other in zip(items, reversed(items), strict=True):
        item.action = lambda other=other: deadlines.forget(other)
        deadlines.watch(item)
    clock.run_until(1005)
    assert sorted(len(item.told) for item in items) == [0, 1]


def test_exception_of_one_item_is_logged_and_the_others_are_told(clock, deadlines, app_log_records):
    def fail():
        raise ZeroDivisionError

    items = [Item(deadlines, 1), Item(deadlines, 1, fail), Item(deadlines, 1)]
    for item in items:
        deadlines.watch(item)
    clock.run_until(1005)
    assert [len(item.told) for item in items] == [1, 1, 1]
    assert len(app_log_records.records) == 1
    assert clock.pending == []


def test_close_forgets_all_and_stops_the_timer_also_from_inside_a_tick(clock, deadlines):
    items = [Item(deadlines, 1, deadlines.close) for _ in range(3)]
    for item in items:
        deadlines.watch(item)
    clock.run_until(1005)
    assert sum(len(item.told) for item in items) == 1
    assert len(deadlines) == 0
    assert clock.pending == []
    later = Item(deadlines, 1)
    deadlines.watch(later)
    clock.run_until(1010)
    assert len(later.told) == 1


def test_sleep_of_the_machine_tells_all_that_passed_meanwhile(clock, deadlines):
    items = [Item(deadlines, n * 100) for n in range(1, 6)]
    for item in items:
        deadlines.watch(item)
    clock.now = 1350.0
    clock.timers[0][2].callback()
    assert [len(item.told) for item in items] == [1, 1, 1, 0, 0]


@given(
    st.lists(
        st.tuples(st.floats(0, 50), st.lists(st.tuples(st.floats(0.1, 10), st.floats(0, 60)), max_size=6)), max_size=8
    ),
    st.sampled_from([0.25, 1.0, 3.0]),
)
def test_no_item_is_told_early_or_later_than_one_resolution(plans, resolution):
    clock = FakeClock()
    deadlines = Deadlines(SimpleNamespace(asyncio_loop=clock), resolution=resolution)
    for seconds, moves in plans:
        item = Item(deadlines, seconds)
        deadlines.watch(item)
        for wait, more in moves:
            clock.run_until(clock.now + wait)
            if item.told:
                break
            item.deadline = deadlines.now + more
            deadlines.watch(item)
        expected = max(item.deadline, clock.now if not item.told else 0)
        clock.run_until(clock.now + 100)
        assert len(item.told) == 1
        assert item.deadline <= item.told[0] <= expected + 2 * resolution + 1e-6


def test_on_a_real_loop():
    async def main():
        deadlines = Deadlines(IOLoop.current(), resolution=0.005)
        done = asyncio.get_running_loop().create_future()
        item = Item(deadlines, 0.01, lambda: done.set_result(None))
        deadlines.watch(item)
        await asyncio.wait_for(done, 5)
        assert item.told[0] >= item.deadline

    IOLoop.run(main)
