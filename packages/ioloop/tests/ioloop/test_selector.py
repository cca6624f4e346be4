"""`new_event_loop`: the turn is flushed before the loop waits, and no sleep on what that made ready."""

import asyncio
import socket
import time

import pytest

from waterspout.ioloop import IOLoop, new_event_loop
from waterspout.ioloop._selector import FlushingSelector, turn_of
from waterspout.ioloop._turn import CallSoonTurn, SelectorTurn


class Item:
    def __init__(self, action, answer=None):
        self.action = action
        self.answer = answer

    def flush_pending(self):
        self.action()
        return self.answer


class CountingSelector(FlushingSelector):
    """Remembers each timeout that the system was really asked to wait."""

    def __init__(self, turn):
        super().__init__(turn)
        self.timeouts = []
        self.before_waiting = None
        poll = self._selector.poll

        class Poll:
            def __getattr__(_, name):
                return getattr(self._epoll, name)

            def poll(_, timeout, *args):
                self.timeouts.append(timeout)
                if timeout != 0 and self.before_waiting:
                    before, self.before_waiting = self.before_waiting, None
                    before()
                return poll(timeout, *args)

        self._epoll, self._selector = self._selector, Poll()


@pytest.fixture
def loop():
    made = new_event_loop()
    yield made
    made.close()


def test_loop_is_an_ordinary_selector_loop_that_carries_its_turn(loop):
    assert isinstance(loop, asyncio.SelectorEventLoop)
    assert isinstance(turn_of(loop), SelectorTurn)
    assert turn_of(loop) is turn_of(loop)


def test_a_reader_that_is_removed_is_not_called_even_if_it_was_ready_in_this_pass(loop):
    pairs = [socket.socketpair() for _ in range(2)]
    called = []

    def ready(number):
        called.append(number)
        loop.remove_reader(pairs[1 - number][0].fileno())

    for number, (ours, theirs) in enumerate(pairs):
        theirs.send(b"x")
        loop.add_reader(ours.fileno(), ready, number)
    for _ in range(3):
        loop.call_soon(loop.stop)
        loop.run_forever()
        if called:
            break
    assert len(called) == 1
    for pair in pairs:
        for sock in pair:
            loop.remove_reader(sock.fileno())
            sock.close()


def test_readers_leave_in_every_state_as_they_do_from_asyncio(loop):
    ours, theirs = socket.socketpair()
    number = ours.fileno()
    assert loop.remove_reader(number) is False
    loop.add_reader(number, print)
    loop.add_writer(number, print)
    assert loop.remove_reader(number) is True and loop.remove_reader(number) is False
    assert loop.remove_writer(number) is True
    loop.add_reader(ours, print)
    assert loop.remove_reader(ours) is True
    loop.add_reader(number, print)
    ours.close()  # too late for the kernel, and nobody's fault
    assert loop.remove_reader(number) is True and loop.remove_reader(number) is False
    theirs.close()


def test_every_other_loop_gets_one_call_soon_turn():
    loop = asyncio.new_event_loop()
    try:
        turn = turn_of(loop)
        assert isinstance(turn, CallSoonTurn)
        assert turn_of(loop) is turn
    finally:
        loop.close()


def test_a_loop_that_takes_no_attributes_gets_a_turn_that_somebody_else_must_keep():
    class Closed:
        __slots__ = ()

        def is_running(self):
            return True

        def call_soon(self, callback):
            raise AssertionError("not called in this test")

    assert isinstance(turn_of(Closed()), CallSoonTurn)


def test_a_second_run_inside_the_first_is_refused_and_does_not_end_the_turn(loop):
    turn = turn_of(loop)
    assert turn.add == turn.flush_now

    async def main():
        assert turn.add == turn.dirty.append
        with pytest.raises(RuntimeError):
            loop.run_forever()
        assert turn.add == turn.dirty.append

    loop.run_until_complete(main())
    assert turn.add == turn.flush_now


def test_a_run_that_is_refused_leaves_the_one_that_goes_on_alone(loop):
    """Also on Python 3.13.0, whose asyncio clears up after a run that never began: no loop was running then."""

    async def main():
        other = new_event_loop()
        for run in (loop.run_forever, other.run_forever):
            with pytest.raises(RuntimeError, match="running"):
                run()
            assert asyncio.get_running_loop() is loop
            assert loop.is_running()
        other.close()
        await asyncio.sleep(0)

    loop.run_until_complete(main())


def test_works_as_a_loop_factory_for_asyncio_runner():
    async def main():
        return type(IOLoop.current().turn)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert runner.run(main()) is SelectorTurn


def test_what_became_dirty_before_the_loop_ran_is_flushed(loop):
    flushed = []
    turn_of(loop).add(Item(lambda: flushed.append(1), False))
    loop.run_until_complete(asyncio.sleep(0))
    assert flushed == [1]


def test_flush_comes_after_all_callbacks_of_the_pass_and_before_the_next(loop):
    order = []
    turn = turn_of(loop)

    async def main():
        turn.add(Item(lambda: order.append("flush"), False))
        loop.call_soon(order.append, "next pass")
        order.append("same pass")
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    loop.run_until_complete(main())
    assert order == ["same pass", "flush", "next pass"]


@pytest.mark.parametrize("answer", [None, True])
def test_loop_does_not_sleep_on_a_future_that_the_flush_completed(loop, answer):
    turn = turn_of(loop)

    async def main():
        future = loop.create_future()
        turn.add(Item(lambda: future.set_result(5), answer))
        return await asyncio.wait_for(future, 60)

    began = time.perf_counter()
    assert loop.run_until_complete(main()) == 5
    assert time.perf_counter() - began < 30


def test_loop_does_not_oversleep_a_timer_that_the_flush_set(loop):
    turn = turn_of(loop)

    async def main():
        done = loop.create_future()
        loop.call_later(60, done.set_result, "the other timer")
        turn.add(Item(lambda: loop.call_later(0.001, done.set_result, "timer of the flush")))
        return await done

    assert loop.run_until_complete(main()) == "timer of the flush"


def test_loop_does_not_sleep_when_an_object_became_dirty_again_and_again(loop):
    turn = turn_of(loop)

    async def main():
        done = loop.create_future()
        seen = []

        class Restless:
            def flush_pending(self):
                seen.append(1)
                if len(seen) < 50:
                    turn.add(self)
                else:
                    done.set_result(len(seen))
                return len(seen) == 50

        turn.add(Restless())
        return await asyncio.wait_for(done, 60)

    began = time.perf_counter()
    assert loop.run_until_complete(main()) == 50
    assert time.perf_counter() - began < 30


def test_flush_that_scheduled_nothing_costs_no_additional_poll():
    """One write to a peer who answers: as many polls as without a turn."""
    turn = SelectorTurn()
    turn.running(True)
    selector = CountingSelector(turn)
    loop = asyncio.SelectorEventLoop(selector)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    try:

        async def main():
            answered = loop.create_future()

            def read():
                answered.set_result(ours.recv(10))

            loop.add_reader(ours, read)
            turn.add(Item(lambda: ours.send(b"question"), False))
            selector.timeouts.clear()
            selector.before_waiting = lambda: theirs.send(b"answer")
            assert await answered == b"answer"

        loop.run_until_complete(main())
        # Waiting for the answer, and the polls for the task that the answer woke and for its end.
        assert [timeout is None or timeout < 0 for timeout in selector.timeouts[:1]] == [True]
        assert len(selector.timeouts) <= 3
        assert turn.flushes == 1
    finally:
        loop.remove_reader(ours)
        loop.close()
        ours.close()
        theirs.close()


def test_what_the_last_turn_queued_leaves_before_start_returns(io_loop):
    flushed = []

    def last():
        io_loop.turn.add(Item(lambda: flushed.append(1), False))
        io_loop.stop()

    io_loop.add_callback(last)
    io_loop.start()
    assert flushed == [1]


def test_flush_happens_on_every_kind_of_loop(io_loop):
    flushed = []

    async def main():
        for n in range(3):
            io_loop.turn.add(Item(lambda n=n: flushed.append(n), False))
        await asyncio.sleep(0.001)

    io_loop.run_sync(main)
    assert flushed == [0, 1, 2]


def test_readers_are_what_they_are_on_asyncios_own_loop():
    """The short way in and the general one, in each order; `add_reader` may find the descriptor watched already."""

    def happenings(loop):
        ours, theirs = socket.socketpair()
        seen = []
        ours.setblocking(False)

        def read(name):
            seen.append((name, ours.recv(10)))

        async def turns():
            for _ in range(3):
                await asyncio.sleep(0)

        async def main():
            loop.add_reader(ours.fileno(), read, "first")
            theirs.send(b"1")
            await turns()
            loop.add_reader(ours, read, "second")  # in its place
            theirs.send(b"2")
            await turns()
            loop.add_writer(ours.fileno(), seen.append, "writable")
            theirs.send(b"3")
            await turns()
            seen.append(loop.remove_writer(ours.fileno()))
            seen.append(loop.remove_reader(ours.fileno()))
            seen.append(loop.remove_reader(ours.fileno()))
            loop.add_writer(ours.fileno(), lambda: None)
            loop.add_reader(ours.fileno(), read, "after the writer")
            theirs.send(b"4")
            await turns()
            seen.append((loop.remove_reader(ours.fileno()), loop.remove_writer(ours.fileno())))
            with pytest.raises(ValueError):
                loop.add_reader(-1, read, "none")

        loop.run_until_complete(main())
        loop.close()
        with pytest.raises(RuntimeError):
            loop.add_reader(ours.fileno(), read, "closed")
        ours.close()
        theirs.close()
        return [each for each in seen if each != "writable"], "writable" in seen

    assert happenings(new_event_loop()) == happenings(asyncio.SelectorEventLoop())
