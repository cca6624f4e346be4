"""`Turn`: output queued during one pass of the loop leaves at its end."""

import asyncio

import pytest

from waterspout.ioloop._turn import MAX_ROUNDS, CallSoonTurn, SelectorTurn


class Recorder:
    """Something with output; remembers when it was flushed."""

    def __init__(self, answer=False, action=None):
        self.flushed = 0
        self.answer = answer
        self.action = action

    def flush_pending(self):
        self.flushed += 1
        if self.action is not None:
            self.action()
        return self.answer


def running_turn():
    """The turn of a loop that runs: what is added waits for the end of the turn."""
    turn = SelectorTurn()
    turn.running(True)
    return turn


def test_receive_buffer_is_64_kib_and_the_view_shows_it():
    turn = running_turn()
    assert len(turn.buffer) == 65536
    turn.buffer[0] = 7
    assert turn.view[0] == 7
    assert len(turn.view) == 65536


def test_flush_of_a_clean_turn_does_nothing_and_schedules_nothing():
    turn = running_turn()
    assert turn.flush() is False
    assert turn.flushes == 0


def test_every_dirty_object_is_flushed_once_in_the_order_in_which_it_became_dirty():
    turn = running_turn()
    order = []
    items = [Recorder(action=lambda n=n: order.append(n)) for n in range(5)]
    for item in items:
        turn.add(item)
    assert turn.flush() is False
    assert order == [0, 1, 2, 3, 4]
    assert turn.dirty == []
    assert turn.flushes == 1


@pytest.mark.parametrize("answer, scheduled", [(False, False), (None, True), (True, True)])
def test_flush_says_whether_work_may_have_been_scheduled_and_silence_counts_as_yes(answer, scheduled):
    turn = running_turn()
    turn.add(Recorder(False))
    turn.add(Recorder(answer))
    turn.add(Recorder(False))
    assert turn.flush() is scheduled


def test_an_object_that_becomes_dirty_during_the_flush_is_flushed_in_the_same_flush():
    turn = running_turn()
    late = Recorder()
    turn.add(Recorder(action=lambda: turn.add(late)))
    assert turn.flush() is False
    assert late.flushed == 1


def test_objects_that_never_become_clean_do_not_hold_the_flush_for_ever():
    turn = running_turn()
    restless = Recorder()
    restless.action = lambda: turn.add(restless)
    turn.add(restless)
    assert turn.flush() is True, "the loop must not sleep while something is dirty"
    assert restless.flushed == MAX_ROUNDS
    assert turn.dirty == [restless]


def test_an_exception_is_logged_once_and_the_others_are_flushed(app_log_records):
    turn = running_turn()
    others = [Recorder(), Recorder()]

    def fail():
        raise ZeroDivisionError("broken stream")

    for item in (others[0], Recorder(action=fail), others[1]):
        turn.add(item)
    assert turn.flush() is True
    assert [item.flushed for item in others] == [1, 1]
    (record,) = app_log_records.records
    assert record.exc_info[0] is ZeroDivisionError


def test_keyboard_interrupt_passes_and_what_was_not_flushed_stays_dirty():
    turn = running_turn()
    late = [Recorder(), Recorder()]

    def interrupt():
        raise KeyboardInterrupt

    for item in (Recorder(), Recorder(action=interrupt), *late):
        turn.add(item)
    with pytest.raises(KeyboardInterrupt):
        turn.flush()
    assert turn.dirty == late
    assert turn.flush() is False
    assert [item.flushed for item in late] == [1, 1]


def test_call_soon_turn_schedules_one_flush_for_each_pass():
    async def main():
        scheduled = []
        loop = asyncio.get_running_loop()

        def call_soon(callback):
            scheduled.append(callback)
            return loop.call_soon(callback)

        turn = CallSoonTurn(call_soon, lambda: True)
        items = [Recorder() for _ in range(64)]
        for item in items:
            turn.add(item)
        assert len(scheduled) == 1
        await asyncio.sleep(0)
        assert [item.flushed for item in items] == [1] * 64
        turn.add(items[0])
        assert len(scheduled) == 2
        await asyncio.sleep(0)
        assert items[0].flushed == 2

    asyncio.run(main())


def test_call_soon_turn_flushes_what_stays_dirty_in_the_next_pass():
    async def main():
        turn = CallSoonTurn(asyncio.get_running_loop().call_soon, lambda: True)
        restless = Recorder()
        restless.action = lambda: turn.add(restless) if restless.flushed < MAX_ROUNDS + 2 else None
        turn.add(restless)
        for _ in range(5):
            await asyncio.sleep(0)
        assert restless.flushed == MAX_ROUNDS + 2
        assert turn.dirty == []

    asyncio.run(main())


def test_call_soon_turn_flushes_the_rest_after_an_interrupt():
    loop = asyncio.new_event_loop()
    try:
        turn = CallSoonTurn(loop.call_soon, lambda: True)
        late = Recorder()

        def interrupt():
            raise KeyboardInterrupt

        turn.add(Recorder(action=interrupt))
        turn.add(late)
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
        loop.run_until_complete(asyncio.sleep(0))
        assert late.flushed == 1
    finally:
        loop.close()


def test_call_soon_turn_that_was_flushed_by_its_loops_end_flushes_at_once_what_comes_after():
    scheduled = []
    running = [True]
    turn = CallSoonTurn(scheduled.append, lambda: running[0])
    item = Recorder()
    turn.add(item)
    running[0] = False
    turn.flush()  # the loop has stopped before the scheduled call
    turn.add(item)
    assert item.flushed == 2
    running[0] = True
    turn.add(item)
    assert (item.flushed, len(scheduled)) == (2, 2)


def test_what_is_added_while_the_loop_does_not_run_is_flushed_at_once():
    scheduled = []
    for turn in (SelectorTurn(), CallSoonTurn(scheduled.append, lambda: False)):
        item = Recorder()
        turn.add(item)
        assert (item.flushed, turn.dirty, scheduled) == (1, [], [])


def test_the_turn_of_a_selector_loop_waits_only_while_the_loop_runs():
    turn = running_turn()
    item = Recorder()
    turn.add(item)
    assert item.flushed == 0
    turn.flush()
    turn.running(False)
    turn.add(item)
    assert item.flushed == 2
