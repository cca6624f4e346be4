"""`WebSocketConnection` over real sockets; WS rows carry their ids."""

# ruff: noqa: ASYNC110  # what other tasks do is waited for by looking

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.ws import BinaryMessage, Close, Ping, Pong, Role, SharedMessage, TextMessage, frame
from waterspout.ws import Opcode as Op
from waterspout.wsconnection import Overflow, WebSocketClosedError, first_burst

ROLES = pytest.mark.parametrize("role", list(Role))


@ROLES
def test_messages_of_both_kinds_reach_the_owner_and_the_peer(pair: Callable[..., None], role: Role) -> None:
    async def test(p: Any) -> None:
        p.owner.answer = lambda m: p.connection.write_message(m, binary=isinstance(m, bytes))
        await p.peer.send(p.peer.codec.send_text("häh"), p.peer.codec.send_binary(b"\x00\xff"))
        assert await p.peer.next() == TextMessage("häh")
        assert await p.peer.next() == BinaryMessage(b"\x00\xff")
        assert p.owner.messages == ["häh", b"\x00\xff"]

    pair(test, role)


def test_a_dictionary_is_sent_as_json_and_bytes_as_text_unless_binary(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        p.connection.write_message({"a": 1})
        p.connection.write_message(b"abc")
        p.connection.write_message("abc", binary=True)
        assert await p.peer.next() == TextMessage('{"a": 1}')
        assert await p.peer.next() == TextMessage("abc")
        assert await p.peer.next() == BinaryMessage(b"abc")

    pair(test)


def test_a_frame_made_once_is_sent_as_it_is(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        await p.connection.write_frame(frame(Op.TEXT, b"news"))
        assert await p.peer.next() == TextMessage("news")

    pair(test)


def test_the_next_message_waits_until_the_owner_is_done(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        gate = asyncio.Event()
        finished: list[Any] = []

        async def slowly(message: Any) -> None:
            await gate.wait()
            finished.append(message)

        p.owner.answer = slowly
        await p.peer.send(p.peer.codec.send_text("1"), p.peer.codec.send_text("2"), p.peer.codec.ping(b"?"))
        await p.peer.send(p.peer.codec.send_text("3"), p.peer.codec.ping(b"!"))
        assert await p.peer.next() == Pong(b"?")  # answered although the owner is busy
        assert await p.peer.next() == Pong(b"!")
        assert p.owner.messages == ["1"]
        gate.set()
        while len(finished) < 3:
            await asyncio.sleep(0)
        assert finished == ["1", "2", "3"]

    pair(test)


@ROLES
@pytest.mark.parametrize("pieces", [1, 7])
def test_WS10_compressed_messages_for_a_busy_owner_are_not_all_decompressed(
    pair: Callable[..., None], role: Role, pieces: int
) -> None:
    # 1 KiB on the wire, 1 MB in memory each: what comes at once must not be decoded at once.
    size, count = 1_000_000, 100

    async def test(p: Any) -> None:
        gate = asyncio.Event()

        async def slowly(message: Any) -> None:
            await gate.wait()
            seen.append((message[0], len(message)))

        seen: list[Any] = []
        p.owner.answer = slowly
        sent = b"".join(p.peer.codec.send_binary(bytes([number]) * size) for number in range(count))
        assert len(sent) < size // 4
        part = len(sent) // pieces + 1
        for start in range(0, len(sent), part):
            await p.peer.send(sent[start : start + part])
            await asyncio.sleep(0.01)
        held = sum(len(event.data) for event in p.connection._held)
        assert size < held < 12 * size  # 1 MiB, and what 8 KiB of input make beyond it
        gate.set()
        while len(seen) < count:
            await asyncio.sleep(0)
        assert seen == [(number, size) for number in range(count)]
        p.owner.answer = None
        p.connection.close()
        assert await p.peer.next() == Close(None, "")

    pair(test, role, deflate=True)


def test_WS10_the_end_is_told_after_compressed_messages_that_had_to_wait(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        gate = asyncio.Event()

        async def slowly(message: Any) -> None:
            await gate.wait()

        p.owner.answer = slowly
        codec = p.peer.codec
        await p.peer.send(*(codec.send_binary(bytes(1_000_000)) for _ in range(50)), codec.close(4321, "done"))
        await asyncio.sleep(0.01)
        assert len(p.owner.messages) == 1 and not p.owner.closes
        gate.set()
        await p.owner.closed.wait()
        assert len(p.owner.messages) == 50
        assert p.owner.closes == [(4321, "done")]

    pair(test, deflate=True)


def test_on_ping_and_on_pong_may_be_coroutines_and_messages_wait_for_them(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        done: list[Any] = []

        async def note(what: Any) -> None:
            done.append(("begin", what))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            done.append(("end", what))

        p.owner.on_ping = p.owner.on_pong = p.owner.answer = note
        codec = p.peer.codec
        await p.peer.send(codec.ping(b"1"), codec.pong(b"2"), codec.send_text("3"))
        while len(done) < 6:
            await asyncio.sleep(0)
        assert done == [(when, what) for what in (b"1", b"2", "3") for when in ("begin", "end")]

    pair(test)


def test_a_ping_is_told_to_a_coroutine_of_a_busy_owner_when_it_is_done(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        gate = asyncio.Event()
        done: list[Any] = []

        async def slowly(message: Any) -> None:
            await gate.wait()
            done.append(message)

        async def told(data: bytes) -> None:
            done.append(data)

        p.owner.answer, p.owner.on_ping = slowly, told
        codec = p.peer.codec
        await p.peer.send(codec.send_text("1"), codec.ping(b"2"), codec.send_text("4"), codec.ping(b"3"))
        assert [await p.peer.next(), await p.peer.next()] == [Pong(b"2"), Pong(b"3")]
        assert done == []
        gate.set()
        while len(done) < 4:
            await asyncio.sleep(0)
        assert done == ["1", b"2", b"3", "4"]

    pair(test)


@pytest.mark.parametrize("is_busy", [False, True])
def test_what_a_coroutine_for_pings_raises_closes_with_1011(pair: Callable[..., None], is_busy: bool) -> None:
    async def test(p: Any) -> None:
        async def fails(data: bytes) -> None:
            raise ZeroDivisionError

        async def slowly(message: Any) -> None:
            await asyncio.sleep(0.01)

        p.owner.answer, p.owner.on_ping = slowly, fails
        await p.peer.send(*[p.peer.codec.send_text("1")] * is_busy, p.peer.codec.ping())
        assert [await p.peer.next(), await p.peer.next()] == [Pong(b""), Close(1011, "")]
        assert [type(error) for error in p.owner.errors] == [ZeroDivisionError]

    pair(test)


def test_a_flood_of_pings_for_a_busy_owner_with_a_coroutine_for_them_is_bounded(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        async def told(data: bytes) -> None:
            pings.append(data)

        pings: list[bytes] = []
        gate = asyncio.Event()
        p.owner.answer, p.owner.on_ping = lambda message: gate.wait(), told
        flood = asyncio.create_task(p.peer.send(p.peer.codec.send_text("1"), p.peer.codec.ping() * 200_000))
        await asyncio.sleep(0.1)
        assert not flood.done()
        gate.set()
        while not flood.done():  # reading goes on
            p.owner.on_ping = lambda data: None
            await asyncio.sleep(0)
        assert 1000 < len(pings) < 100_000  # 1 MiB, counted with what each costs, and a piece of input

    pair(test)


@pytest.mark.parametrize("message", [5, 10**12, None, 1.5, [1]])
@pytest.mark.parametrize("binary", [False, True])
def test_what_is_no_message_is_a_type_error_and_nothing_is_sent(
    pair: Callable[..., None], message: Any, binary: bool
) -> None:
    async def test(p: Any) -> None:
        with pytest.raises(TypeError):
            p.connection.write_message(message, binary)
        p.connection.write_message("next")
        assert await p.peer.next() == TextMessage("next")

    pair(test)


def test_messages_wait_for_what_start_is_given(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await p.peer.send(p.peer.codec.send_text("early"))
        p.connection.start(opened)
        await asyncio.sleep(0.01)
        assert p.owner.messages == []
        opened.set_result(None)
        while not p.owner.messages:
            await asyncio.sleep(0)
        assert p.owner.messages == ["early"]

    pair(test, start=False)


def test_what_an_owner_raises_is_logged_by_it_and_closes_with_1011(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        def fail(message: Any) -> None:
            raise ValueError(message)

        p.owner.answer = fail
        await p.peer.send(p.peer.codec.send_text("one"), p.peer.codec.send_text("two"))
        assert await p.peer.next() == Close(1011, "")
        assert [str(error) for error in p.owner.errors] == ["one"]
        assert p.owner.messages == ["one"]

    pair(test)


def test_what_a_coroutine_of_the_owner_raises_closes_with_1011(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        async def fail(message: Any) -> None:
            await asyncio.sleep(0)
            raise ValueError(message)

        p.owner.answer = fail
        await p.peer.send(p.peer.codec.send_text("one"), p.peer.codec.send_text("two"))
        assert await p.peer.next() == Close(1011, "")
        assert len(p.owner.errors) == 1

    pair(test)


@pytest.mark.parametrize("later", [False, True])
def test_an_owner_that_is_cancelled_closes_with_1011(pair: Callable[..., None], later: bool) -> None:
    async def test(p: Any) -> None:
        async def cancelled() -> None:
            await asyncio.sleep(0)
            raise asyncio.CancelledError

        def answer(message: Any) -> Any:
            if later:
                return cancelled()
            raise asyncio.CancelledError

        p.owner.answer = answer
        await p.peer.send(p.peer.codec.send_text("one"), p.peer.codec.send_text("two"))
        assert await p.peer.next() == Close(1011, "")
        assert p.owner.messages == ["one"]
        assert [type(error) for error in p.owner.errors] == [asyncio.CancelledError]

    pair(test)


def test_a_flood_of_small_messages_lets_the_loop_do_other_things(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        await p.peer.send(p.peer.codec.send_binary(b"x") * 5000)
        turns = 0
        while len(p.owner.messages) < 5000:
            turns += 1
            await asyncio.sleep(0)
        assert turns > 10

    pair(test)


# Closing.


@ROLES
def test_close_gets_an_answer_and_the_owner_hears_of_it_once(pair: Callable[..., None], role: Role) -> None:
    async def test(p: Any) -> None:
        p.connection.close(3001, "done")
        assert p.connection.is_closing()
        p.connection.close(3002)  # too late to matter
        assert await p.peer.next() == Close(3001, "done")
        with pytest.raises(WebSocketClosedError):
            p.connection.write_message("x")
        with pytest.raises(WebSocketClosedError):
            p.connection.write_ping()
        await p.peer.send(p.peer.codec.close(3001))
        if role is Role.CLIENT:
            p.peer.sock.shutdown(1)  # the server closes first
        assert await p.peer.next() is None
        await p.owner.closed.wait()
        assert p.owner.closes == [(3001, None)]

    pair(test, role)


@ROLES
def test_the_peers_close_is_answered_with_its_code(pair: Callable[..., None], role: Role) -> None:
    async def test(p: Any) -> None:
        await p.peer.send(p.peer.codec.close(1001, "leaving"))
        assert await p.peer.next() == Close(1001, "")
        p.peer.sock.shutdown(1)
        await p.owner.closed.wait()
        assert p.connection.client_terminated
        assert p.owner.closes == [(1001, "leaving")]

    pair(test, role)


def test_messages_before_a_close_in_one_piece_can_still_be_answered(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        p.owner.answer = p.connection.write_message
        await p.peer.send(p.peer.codec.send_text("last"), p.peer.codec.close(1000))
        assert await p.peer.rest() == [TextMessage("last"), Close(1000, "")]

    pair(test)


def test_a_busy_owner_sees_all_messages_of_a_peer_that_has_left(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        async def slowly(message: Any) -> None:
            await asyncio.sleep(0.005)

        p.owner.answer = slowly
        await p.peer.send(p.peer.codec.send_text("1"), p.peer.codec.send_text("2"), p.peer.codec.close(1000))
        p.peer.sock.shutdown(1)
        await p.owner.closed.wait()
        assert p.owner.messages == ["1", "2"]
        assert p.owner.closes == [(1000, None)]

    pair(test)


def test_a_reset_connection_is_told_to_the_owner_once_and_fails_writes(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        waiting = p.connection.write_message(b"x" * 10_000_000, binary=True)
        p.peer.sock.close()
        with pytest.raises(WebSocketClosedError):
            await waiting
        await p.owner.closed.wait()
        assert p.owner.closes == [(None, None)]
        assert p.connection.client_terminated and p.connection.server_terminated

    pair(test, max_message_size=1)


def test_close_refuses_codes_that_must_not_be_sent(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        for code in (1005, 1006, 999, 5000):
            with pytest.raises(ValueError, match="must not be sent"):
                p.connection.close(code)
        p.connection.write_message("still open")
        assert await p.peer.next() == TextMessage("still open")

    pair(test)


@ROLES
@pytest.mark.parametrize("end", [b"\x88\x00", b"\xff\x00"], ids=["close", "breach"])
def test_a_task_that_waits_for_a_message_can_answer_it_although_the_end_came_with_it(
    pair: Callable[..., None], role: Role, end: bytes
) -> None:
    async def test(p: Any) -> None:
        first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        p.owner.answer = first.set_result

        async def answer() -> None:
            p.connection.write_message("got " + await first)

        answering = asyncio.create_task(answer())
        await p.peer.send(p.peer.codec.send_text("x"), end if role is Role.CLIENT else p.peer.codec.close())
        assert await p.peer.next() == TextMessage("got x")
        assert isinstance(await p.peer.next(), Close)
        await answering

    pair(test, role)


def test_a_close_is_told_although_the_connection_is_lost_before_the_owner_is_ready(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        p.owner.answer = lambda m: asyncio.get_running_loop().create_future()
        await p.peer.send(p.peer.codec.send_text("1"), p.peer.codec.close(1001, "leaving"))
        while not p.owner.messages:
            await asyncio.sleep(0)
        p.stream.close()
        await p.owner.closed.wait()
        assert p.owner.closes == [(1001, "leaving")]

    pair(test)


def test_wait_closed_returns_when_the_owner_has_been_told(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        waiting = [asyncio.create_task(p.connection.wait_closed()) for _ in range(2)]
        p.connection.close(1001, "shutting down", timeout=0.02)
        assert await p.peer.rest() == [Close(1001, "shutting down")]  # and then the end, without an answer of ours
        async with asyncio.timeout(10):
            await asyncio.gather(*waiting)
        assert p.owner.closes == [(None, None)]
        await p.connection.wait_closed()

    pair(test)


def test_send_frame_tells_whether_it_was_sent_and_waits_for_nobody(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        news = frame(Op.BINARY, b"x" * 30_000)
        assert [p.connection.send_frame(news) for _ in range(4)] == [True, True, True, False]
        assert p.connection.dropped == 1
        for _ in range(3):
            assert isinstance(await p.peer.next(), BinaryMessage)
        assert p.connection.send_frame(news)  # there is room again
        p.connection.close()
        assert not p.connection.send_frame(news)
        with pytest.raises(WebSocketClosedError):
            p.connection.write_frame(news)

    pair(test, overflow=Overflow.DROP)


@pytest.mark.parametrize("now", [True, False])
def test_a_shared_message_is_sent_at_once_or_with_the_turn_and_the_order_is_kept(
    pair: Callable[..., None], now: bool
) -> None:
    async def test(p: Any) -> None:
        news = SharedMessage(Op.TEXT, b"news")
        assert p.connection.send_shared(news, now)
        assert p.connection.stream.pending == (0 if now else len(news.plain))
        p.connection.write_message("queued")
        assert p.connection.send_shared(news, now)
        assert p.connection.stream.pending == (0 if now else 2 * len(news.plain) + 8)
        assert [await p.peer.next() for _ in range(3)] == [TextMessage(text) for text in ("news", "queued", "news")]

    pair(test)


@pytest.mark.parametrize("policy", [Overflow.DROP, Overflow.CLOSE])
def test_WS20_a_shared_message_keeps_to_the_policy_although_it_is_sent_at_once(
    pair: Callable[..., None], policy: Overflow
) -> None:
    async def test(p: Any) -> None:
        news = SharedMessage(Op.BINARY, b"x" * 30_000)
        sent = 0
        while p.connection.send_shared(news, True):
            sent += 1
            assert p.connection.stream.pending <= 64 * 1024 + len(news.plain)
        assert p.connection.dropped == 1
        for _ in range(sent):
            assert isinstance(await p.peer.next(), BinaryMessage)
        if policy is Overflow.DROP:
            assert p.connection.send_shared(news, True)  # there is room again
            assert isinstance(await p.peer.next(), BinaryMessage)
            p.connection.close()
        else:
            assert await p.peer.next() == Close(1008, "messages are not read fast enough")
        assert not p.connection.send_shared(news, True)

    pair(test, overflow=policy)


@pytest.mark.parametrize("now", [True, False])
def test_a_shared_message_is_not_sent_on_a_stream_that_is_closed_or_turns_out_to_be(
    pair: Callable[..., None], now: bool
) -> None:
    async def test(p: Any) -> None:
        news = SharedMessage(Op.TEXT, b"news")
        p.peer.sock.close()
        if now:  # the peer is gone, as the system tells when it is asked to send
            assert not p.connection.send_shared(news, now)
        p.connection.stream.close()
        assert not p.connection.send_shared(news, now)
        await p.owner.closed.wait()
        assert p.owner.closes == [(None, None)]

    pair(test)


def test_the_first_burst_of_a_turn_is_told_from_the_others(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        io_loop = p.stream.io_loop
        for _ in range(2):
            assert [first_burst(io_loop) for _ in range(3)] == [True, False, False]
            await asyncio.sleep(0)

    pair(test)


def test_short_messages_share_one_future_that_is_done(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        first, second = p.connection.write_message("1"), p.connection.write_message(b"2", binary=True)
        assert first is second and first.done() and first.result() is None
        assert not p.connection.write_message("x" * 100_000).done()
        assert not p.connection.write_message("3").done()
        assert len([await p.peer.next() for _ in range(4)]) == 4
        await asyncio.sleep(0)
        assert p.connection.write_message("4").done()

    pair(test)


# Rows of bad_input.md.


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x02hi", 1002),  # unmasked
        (b"\xc1\x80....", 1002),
        (b"\x83\x80....", 1002),
        (b"\x89\xfe\x00\x7e....", 1002),
        (b"\x80\x80....", 1002),
        (b"\x81\x82\x00\x00\x00\x00\xff\xfe", 1007),
        (b"\x88\x82\x00\x00\x00\x00\x03\xed", 1002),  # code 1005
        (b"\x82\xff\x7f" + b"\xff" * 7 + b"....", 1009),
    ],
    ids=["WS1", "WS2_rsv", "WS2_opcode", "WS3", "WS5", "WS6", "WS7", "WS8"],
)
def test_WS1_to_WS8_breaches_are_answered_with_a_close_frame_before_tcp_closes(
    pair: Callable[..., None], data: bytes, code: int
) -> None:
    async def test(p: Any) -> None:
        await p.peer.send(data)
        events = await p.peer.rest()
        assert len(events) == 1 and isinstance(events[0], Close) and events[0].code == code
        p.peer.sock.close()
        await p.owner.closed.wait()
        assert p.owner.messages == []
        assert [c for c, _ in p.owner.closes] == [code]

    pair(test)


def test_WS9_a_message_over_the_limit_gets_1009_even_while_the_peer_still_sends(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        sending = asyncio.create_task(p.peer.send(p.peer.codec.send_binary(b"x" * 3_000_000)))
        events = await p.peer.rest()
        assert [(e.code, e.reason) for e in events] == [(1009, "message too big")]
        await asyncio.wait([sending])
        assert p.owner.messages == []
        p.peer.sock.close()
        await p.owner.closed.wait()

    pair(test, max_message_size=1000)


def test_WS19_a_flood_of_pings_gets_few_pongs_and_the_last_is_for_the_last_ping(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        sending = asyncio.create_task(
            p.peer.send(b"".join(p.peer.codec.ping(str(n).encode()) for n in range(20_000)), p.peer.codec.close())
        )
        events = await p.peer.rest()
        await sending
        pongs = [event.data for event in events if isinstance(event, Pong)]
        assert pongs[:3] == [b"0", b"1", b"2"]
        assert pongs[-1] == b"19999"
        assert len(pongs) < 2000
        assert len(p.owner.pings) == 20_000

    pair(test)


def test_WS19_pongs_for_a_peer_that_does_not_read_wait_for_room(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        p.connection.write_message("x" * 1_000_000)
        pending = p.stream.pending
        await p.peer.send(*(p.peer.codec.ping(b"%d" % n) for n in range(20)))
        while len(p.owner.pings) < 20:
            await asyncio.sleep(0)
        assert p.stream.pending <= pending
        assert isinstance(await p.peer.next(), TextMessage)
        assert await p.peer.next() == Pong(b"19")

    pair(test)


def test_WS20_write_message_waits_for_a_slow_reader(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        total = 0

        async def write() -> None:
            nonlocal total
            for _ in range(1000):
                await p.connection.write_message(b"x" * 100_000, binary=True)
                total += 100_000
                assert p.stream.pending < 64 * 1024 + 100_100

        writing = asyncio.create_task(write())
        await asyncio.sleep(0.05)
        assert not writing.done() and total < 20_000_000
        read = 0
        while read < 1000:
            assert isinstance(await p.peer.next(), BinaryMessage)
            read += 1
        await writing

    pair(test)


def test_WS20_the_drop_policy_leaves_messages_out(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        for _ in range(100):
            await p.connection.write_message(b"x" * 100_000, binary=True)
        assert p.stream.pending < 64 * 1024 + 100_100
        assert p.connection.dropped > 50
        assert isinstance(await p.peer.next(), BinaryMessage)

    pair(test, overflow=Overflow.DROP)


def test_WS20_the_close_policy_closes_with_1008(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        with pytest.raises(WebSocketClosedError):
            for _ in range(100):
                await p.connection.write_message(b"x" * 100_000, binary=True)
                if p.connection.is_closing():
                    assert p.connection.dropped == 1
                    p.connection.overflow = Overflow.WAIT
        while isinstance(event := await p.peer.next(), BinaryMessage):
            pass
        assert isinstance(event, Close) and event.code == 1008

    pair(test, overflow=Overflow.CLOSE)


def test_WS20_nothing_more_is_read_for_a_peer_that_does_not_read_its_answers(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        p.owner.answer = lambda m: p.connection.write_message(m, binary=True) and None
        message = p.peer.codec.send_binary(b"x" * 60_000)
        sending = asyncio.create_task(p.peer.send(*([message] * 200)))
        await asyncio.sleep(0.1)
        assert not sending.done()
        assert p.stream.pending < 1_500_000
        for _ in range(200):
            assert isinstance(await p.peer.next(), BinaryMessage)
        await sending

    pair(test)


def test_WS24_data_after_the_peers_close_is_ignored(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        late = p.peer.codec.send_text("late")
        await p.peer.send(p.peer.codec.close(1000), late)
        assert await p.peer.rest() == [Close(1000, "")]
        await p.owner.closed.wait()
        assert p.owner.messages == []

    pair(test)


def test_WS24_a_peer_that_never_answers_our_close_is_cut_off(
    pair: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from waterspout.wsconnection import _lifetime

    monkeypatch.setattr(_lifetime, "CLOSE_TIMEOUT", 0.05)

    async def test(p: Any) -> None:
        p.connection.close(1000)
        assert await p.peer.rest() == [Close(1000, "")]  # and then the end
        await p.owner.closed.wait()
        assert p.owner.closes == [(None, None)]

    pair(test)


def test_WS24_a_peer_that_does_not_answer_pings_is_given_up(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        assert await p.peer.next() == Ping(b"")
        await p.owner.closed.wait()
        assert p.owner.closes == [(None, "ping timed out")]
        assert await p.peer.rest() == [Close(1011, "ping timed out")]

    pair(test, ping_interval=0.02, ping_timeout=0.02)


def test_a_peer_that_answers_pings_stays(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        for _ in range(4):
            assert await p.peer.next() == Ping(b"")
            await p.peer.send(p.peer.codec.pong(b""))
        assert p.owner.closes == []
        assert len(p.owner.pongs) >= 3

    pair(test, ping_interval=0.02)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def take(p: Any, size: int) -> None:
    """Have the peer read *size* bytes, and the connection send what there is room for then."""
    before = p.stream.pending
    while size > 0:
        size -= len(await asyncio.get_running_loop().sock_recv(p.peer.sock, min(size, 65536)))
    await until(lambda: p.stream.pending < before)


#: Time passes in these tests where they say so: each call of `deadline_passed` is one look at the connection.
FAR = 1000.0


@pytest.mark.parametrize("writes", [0, 5])
def test_WS24_a_peer_that_sends_and_reads_nothing_is_given_up_whatever_is_added_to_its_queue(
    pair: Callable[..., None], writes: int
) -> None:
    async def test(p: Any) -> None:
        p.owner.answer = lambda m: p.connection.write_message(m, binary=True) and None
        sending = asyncio.create_task(p.peer.send(*([p.peer.codec.send_binary(b"x" * 60_000)] * 200)))
        await until(lambda: p.stream.pending > 1 << 20)
        p.connection.deadline_passed()  # the ping
        for _ in range(writes):
            p.connection.write_message("news")
        p.connection.deadline_passed()
        await p.owner.closed.wait()
        assert p.owner.closes == [(None, "ping timed out")]
        sending.cancel()

    pair(test, ping_interval=FAR)


def test_a_peer_that_sends_and_reads_slowly_stays_although_its_queue_is_as_long_as_before(
    pair: Callable[..., None],
) -> None:
    async def test(p: Any) -> None:
        p.owner.answer = lambda m: p.connection.write_message(m, binary=True) and None
        sending = asyncio.create_task(p.peer.send(*([p.peer.codec.send_binary(b"x" * 60_000)] * 200)))
        await until(lambda: p.stream.pending > 1 << 20)
        for _ in range(3):
            p.connection.deadline_passed()
            before = p.stream.pending
            await take(p, 300_000)
            taken = before - p.stream.pending
            assert taken > 1000 and p.owner.closes == []
            if taken < 65_000:
                p.connection.write_message(b"y" * (taken - 4), binary=True)
            else:
                p.connection.write_message(b"y" * (taken - 10), binary=True)
            assert p.stream.pending == before
        sending.cancel()

    pair(test, ping_interval=FAR)


def test_a_peer_that_is_still_reading_what_comes_before_the_ping_stays_until_it_stops(
    pair: Callable[..., None],
) -> None:
    async def test(p: Any) -> None:
        p.connection.write_message(b"x" * 8_000_000, binary=True)
        await until(lambda: p.stream.pending < 8_000_000)
        p.connection.deadline_passed()  # the ping waits behind the message
        for _ in range(5):
            await take(p, 500_000)
            p.connection.deadline_passed()
            assert not p.stream.closed()
        p.connection.deadline_passed()
        await p.owner.closed.wait()
        assert p.owner.closes == [(None, "ping timed out")]

    pair(test, ping_interval=FAR)


def test_a_peer_that_gets_to_the_ping_at_last_and_answers_it_stays(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        p.connection.write_message(b"x" * 4_000_000, binary=True)
        await until(lambda: p.stream.pending < 4_000_000)
        for _ in range(2):  # both are looks at the same ping
            p.connection.deadline_passed()
            await take(p, 300_000)
        p.connection.deadline_passed()
        assert not p.stream.closed()
        while p.stream.pending:
            await asyncio.get_running_loop().sock_recv(p.peer.sock, 65536)
        p.connection.deadline_passed()
        assert not p.stream.closed(), "the ping has just left"
        await p.peer.send(p.peer.codec.pong(b""))
        await until(lambda: p.owner.pongs)
        p.connection.deadline_passed()
        assert not p.stream.closed()

    pair(test, ping_interval=FAR)


def test_WS24_a_peer_that_has_the_ping_is_given_up_although_it_takes_what_comes_after_it(
    pair: Callable[..., None],
) -> None:
    async def test(p: Any) -> None:
        p.connection.deadline_passed()
        assert await p.peer.next() == Ping(b"")
        p.connection.write_message("news")
        assert await p.peer.next() == TextMessage("news")
        p.connection.deadline_passed()
        await p.owner.closed.wait()
        assert p.owner.closes == [(None, "ping timed out")]

    pair(test, ping_interval=FAR)


def test_a_ping_timeout_longer_than_the_interval_is_cut_down(
    pair: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    async def test(p: Any) -> None:
        assert p.connection.ping_timeout == 1.0

    pair(test, ping_interval=1.0, ping_timeout=5.0)
    assert "cannot be longer" in caplog.text


def test_pings_of_our_own_carry_data(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        p.connection.write_ping(b"?")
        assert await p.peer.next() == Ping(b"?")
        await p.peer.send(p.peer.codec.pong(b"?"))
        while not p.owner.pongs:
            await asyncio.sleep(0)
        assert p.owner.pongs == [b"?"]

    pair(test)


def test_an_idle_connection_has_no_timer(pair: Callable[..., None]) -> None:
    async def test(p: Any) -> None:
        before = len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]
        p.connection.write_message("x")
        assert await p.peer.next() == TextMessage("x")
        assert len(asyncio.get_running_loop()._scheduled) == before  # type: ignore[attr-defined]

    pair(test)
