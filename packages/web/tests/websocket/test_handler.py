"""`WebSocketHandler` with clients of our own and of the ``websockets`` library."""

# ruff: noqa: ASYNC110  # what other tasks do is waited for by looking

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import websockets

from waterspout.websocket import Overflow, WebSocketClosedError, WebSocketHandler, broadcast, websocket_connect


class Echo(WebSocketHandler):
    def get_compression_options(self) -> dict[str, Any]:
        return {"compression_level": 5, "mem_level": 7}

    async def on_message(self, message: str | bytes) -> None:
        await self.write_message(message, isinstance(message, bytes))


def recording(base: type[WebSocketHandler] = WebSocketHandler) -> Any:
    """A subclass of *base* whose `log` is what happened, and whose `here` is the latest handler."""

    class Recording(base):  # type: ignore[misc,valid-type]
        log: list[Any] = []
        here: Any = None

        def open(self, *args: Any) -> None:
            type(self).here = self
            self.log.append(("open", args))

        def on_message(self, message: str | bytes) -> None:
            self.log.append(message)

        def on_ping(self, data: bytes) -> None:
            self.log.append(("ping", data))

        def on_pong(self, data: bytes) -> None:
            self.log.append(("pong", data))

        def on_close(self) -> None:
            self.log.append(("close", self.close_code, self.close_reason))

    return Recording


async def until(condition: Callable[[], Any]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_the_websockets_library_gets_its_messages_back(serve: Callable[..., Any], compression: str | None) -> None:
    async def client(port: int) -> None:
        async with websockets.connect(f"ws://127.0.0.1:{port}/", compression=compression) as ws:
            for message in ("", "häh", "x" * 100_000, b"", bytes(range(256)) * 1000):
                await ws.send(message)
                assert await ws.recv() == message
            await ws.send(["in", " parts"])
            assert await ws.recv() == "in parts"
            await (await ws.ping(b"?"))
        assert (ws.close_code, ws.close_reason) == (1000, "")

    serve(Echo, client)


def test_open_gets_the_urls_groups_and_on_close_comes_once_with_code_and_reason(serve: Callable[..., Any]) -> None:
    handler = recording()

    async def client(port: int) -> None:
        ws = await websocket_connect(f"ws://127.0.0.1:{port}/room/blue")
        ws.ping("p")
        await ws.write_message("hello")
        ws.close(3000, "bye")
        assert await ws.read_message() is None
        await until(lambda: len(handler.log) == 4)

    serve(handler, client)
    assert handler.log == [("open", ("blue",)), ("ping", b"p"), "hello", ("close", 3000, "bye")]
    assert handler.here.ws_connection is None


def test_on_close_comes_once_when_the_client_vanishes(serve: Callable[..., Any]) -> None:
    handler = recording()

    async def client(port: int) -> None:
        ws = await websocket_connect(f"ws://127.0.0.1:{port}/")
        ws.protocol.stream.close()
        await until(lambda: len(handler.log) == 2)

    serve(handler, client)
    assert handler.log == [("open", ()), ("close", None, None)]


def test_on_close_does_not_come_where_open_did_not(serve: Callable[..., Any]) -> None:
    handler = recording()

    async def client(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"400" in await reader.readline()
        writer.close()
        await asyncio.sleep(0.01)

    serve(handler, client)
    assert handler.log == []


def test_the_server_may_send_ping_and_close_from_open_on(serve: Callable[..., Any]) -> None:
    class Greets(recording()):  # type: ignore[misc]
        def open(self) -> None:
            self.write_message({"hello": 1})
            self.ping(b"x")
            self.close(3005, "enough")
            with pytest.raises(WebSocketClosedError):
                self.write_message("more")

    async def client(port: int) -> None:
        ws = await websocket_connect(f"ws://127.0.0.1:{port}/")
        assert await ws.read_message() == '{"hello": 1}'
        assert await ws.read_message() is None
        assert (ws.close_code, ws.close_reason) == (3005, "enough")
        await until(lambda: ("pong", b"x") in Greets.log and len(Greets.log) == 2)

    serve(Greets, client)


@pytest.mark.parametrize(("code", "reason"), [(1005, ""), (999, ""), (5000, ""), (-1, ""), (1000, "r" * 124)])
def test_a_close_that_is_refused_leaves_the_connection_as_it_was(
    serve: Callable[..., Any], code: int, reason: str
) -> None:
    class Refused(recording()):  # type: ignore[misc]
        def on_message(self, message: str | bytes) -> None:
            with pytest.raises(ValueError):
                self.close(code, reason)
            self.write_message("still here")
            self.close(3001)

    async def client(port: int) -> None:
        ws = await websocket_connect(f"ws://127.0.0.1:{port}/")
        await ws.write_message("x")
        assert [await ws.read_message(), await ws.read_message()] == ["still here", None]
        assert ws.close_code == 3001

    serve(Refused, client)


def test_messages_wait_for_a_coroutine_open(serve: Callable[..., Any]) -> None:
    class Slow(recording()):  # type: ignore[misc]
        async def open(self) -> None:
            await asyncio.sleep(0.01)
            self.log.append("opened")

    async def client(port: int) -> None:
        ws = await websocket_connect(f"ws://127.0.0.1:{port}/")
        await ws.write_message("first")
        await until(lambda: len(Slow.log) == 2)
        ws.close()
        await ws.read_message()

    serve(Slow, client)
    assert Slow.log[:2] == ["opened", "first"]


@pytest.mark.parametrize("where", ["open", "on_message", "async on_message"])
def test_an_exception_is_logged_and_closes_with_1011(
    serve: Callable[..., Any], caplog: pytest.LogCaptureFixture, where: str
) -> None:
    class Fails(recording()):  # type: ignore[misc]
        def open(self) -> None:
            if where == "open":
                raise ValueError("broken")

        def on_message(self, message: Any) -> Any:
            if where == "on_message":
                raise ValueError("broken")
            return self.later()

        async def later(self) -> None:
            await asyncio.sleep(0)
            raise ValueError("broken")

    async def client(port: int) -> None:
        ws = await websocket_connect(f"ws://127.0.0.1:{port}/")
        if where != "open":
            await ws.write_message("x")
        assert await ws.read_message() is None
        assert ws.close_code == 1011

    serve(Fails, client)
    assert "broken" in caplog.text and "Uncaught exception GET /" in caplog.text


def test_the_settings_limit_messages_and_send_pings(serve: Callable[..., Any]) -> None:
    handler = recording()

    async def client(port: int) -> None:
        ws = await websocket_connect(f"ws://127.0.0.1:{port}/")
        await until(lambda: handler.log.count(("pong", b"")) >= 2)
        await ws.write_message("x" * 101)
        assert await ws.read_message() is None
        assert (ws.close_code, ws.close_reason) == (1009, "message too big")

    serve(handler, client, websocket_ping_interval=0.02, websocket_ping_timeout=0.02, websocket_max_message_size=100)


def test_a_client_that_does_not_answer_pings_is_given_up_and_on_close_comes_once(serve: Callable[..., Any]) -> None:
    handler = recording()

    async def client(port: int) -> None:
        ws = await websocket_connect(f"ws://127.0.0.1:{port}/")
        ws.protocol.stream.pause_receiving()
        await until(lambda: len(handler.log) == 2)
        await asyncio.sleep(0.01)
        ws.protocol.stream.close()

    serve(handler, client, websocket_ping_interval=0.02)
    assert handler.log == [("open", ()), ("close", None, "ping timed out")]


def test_an_http_response_cannot_be_written_after_the_upgrade(serve: Callable[..., Any]) -> None:
    refused: list[str] = []

    class Confused(recording()):  # type: ignore[misc]
        def open(self) -> None:
            for call in (
                lambda: self.write("x"),
                lambda: self.finish(),
                lambda: self.flush(),
                lambda: self.set_status(200),
                lambda: self.set_header("a", "b"),
                lambda: self.set_cookie("a", "b"),
                lambda: self.redirect("/"),
            ):
                with pytest.raises(RuntimeError) as error:
                    call()
                refused.append(str(error.value).split("(")[0])

    async def client(port: int) -> None:
        ws = await websocket_connect(f"ws://127.0.0.1:{port}/")
        ws.close()
        assert await ws.read_message() is None

    serve(Confused, client)
    assert refused == ["write", "finish", "flush", "set_status", "set_header", "set_cookie", "redirect"]


def test_the_subprotocol_is_known_to_both_sides(serve: Callable[..., Any]) -> None:
    class Chooses(recording()):  # type: ignore[misc]
        def select_subprotocol(self, subprotocols: list[str]) -> str | None:
            return "b" if "b" in subprotocols else None

    async def client(port: int) -> None:
        async with websockets.connect(f"ws://127.0.0.1:{port}/", subprotocols=["a", "b"]) as theirs:  # type: ignore[list-item]
            assert theirs.subprotocol == "b"
        ours = await websocket_connect(f"ws://127.0.0.1:{port}/", subprotocols=["a", "b"])
        assert ours.selected_subprotocol == Chooses.here.selected_subprotocol == "b"
        none = await websocket_connect(f"ws://127.0.0.1:{port}/")
        assert none.selected_subprotocol is None
        ours.close()
        none.close()
        await none.read_message()

    serve(Chooses, client)


def test_nothing_can_be_sent_before_open_or_after_close(serve: Callable[..., Any]) -> None:
    handler = recording()

    async def client(port: int) -> None:
        ws = await websocket_connect(f"ws://127.0.0.1:{port}/")
        here = handler.here
        here.set_nodelay(True)
        assert not here.ws_connection.client_terminated
        ws.close()
        await until(lambda: len(handler.log) == 2)
        for call in (here.write_message, here.ping, lambda _: here.set_nodelay(True)):
            with pytest.raises(WebSocketClosedError):
                call("x")
        here.close()  # nothing to do, and no error

    serve(handler, client)


def test_a_message_handler_must_be_written(serve: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    async def client(port: int) -> None:
        ws = await websocket_connect(f"ws://127.0.0.1:{port}/")
        await ws.write_message("x")
        assert await ws.read_message() is None

    serve(WebSocketHandler, client)
    assert "NotImplementedError" in caplog.text


def test_a_broadcast_reaches_all_that_are_open_compressing_or_not(serve: Callable[..., Any]) -> None:
    class Everybody(Echo):
        here: list[Any] = []

        def open(self) -> None:
            self.here.append(self)

    async def client(port: int) -> None:
        url = f"ws://127.0.0.1:{port}/"
        plain, left = await websocket_connect(url), await websocket_connect(url)
        async with websockets.connect(url, compression="deflate") as compressing:
            await until(lambda: len(Everybody.here) == 3)
            left.close()
            assert await left.read_message() is None
            await until(lambda: Everybody.here[1].ws_connection is None)
            for message, binary, expected in (
                ("häh", False, "häh"), (b"text", False, "text"), ({"a": 1}, False, '{"a": 1}'), (b"\xff", True, b"\xff")
            ):  # fmt: skip
                assert broadcast(Everybody.here, message, binary) == 2
                assert await plain.read_message() == await compressing.recv() == expected
            with pytest.raises(UnicodeDecodeError):
                broadcast(Everybody.here, b"\xff")
        plain.close()
        await plain.read_message()
        assert broadcast([], "x") == 0

    serve(Everybody, client)


def test_a_broadcast_is_compressed_once_for_connections_without_context(serve: Callable[..., Any]) -> None:
    class Contextless(Echo):
        here: list[Any] = []

        def open(self) -> None:
            self.here.append(self)

        def get_compression_options(self) -> dict[str, Any]:
            return {"server_no_context_takeover": True}

    async def client(port: int) -> None:
        url = f"ws://127.0.0.1:{port}/"
        async with websockets.connect(url) as one, websockets.connect(url) as two:
            plain = await websocket_connect(url)
            await until(lambda: len(Contextless.here) == 3)
            streams = [handler.ws_connection.stream for handler in Contextless.here]
            before = [stream.statistics()["sent"] for stream in streams]
            news = "news " * 1000
            assert broadcast(Contextless.here, news) == 3
            assert await one.recv() == await two.recv() == await plain.read_message() == news
            await one.send("still in step")
            assert await one.recv() == "still in step"
            after = [stream.statistics()["sent"] for stream in streams]
            sent = sorted(b - a for a, b in zip(before, after, strict=True))
            assert sent[0] < sent[1] < 200
            assert sent[2] == len(news) + 4
            plain.close()

    serve(Contextless, client)


def test_broadcasts_of_one_turn_leave_together_after_the_first(serve: Callable[..., Any]) -> None:
    class Everybody(Echo):
        here: list[Any] = []

        def open(self) -> None:
            self.here.append(self)

    async def client(port: int) -> None:
        clients = [await websocket_connect(f"ws://127.0.0.1:{port}/") for _ in range(2)]
        await until(lambda: len(Everybody.here) == 2)
        pending = []
        for number in range(3):
            assert broadcast(Everybody.here, str(number)) == 2
            pending.append([handler.ws_connection.stream.pending for handler in Everybody.here])
        assert pending == [[0, 0], [3, 3], [6, 6]]
        for ws in clients:
            assert [await ws.read_message() for _ in range(3)] == ["0", "1", "2"]
            ws.close()

    serve(Everybody, client)


@pytest.mark.parametrize("policy", [Overflow.DROP, Overflow.CLOSE])
def test_WS20_a_broadcast_keeps_to_the_policy_for_slow_clients(serve: Callable[..., Any], policy: Overflow) -> None:
    class Slow(recording()):  # type: ignore[misc]
        overflow = policy
        high_water = 100_000

    async def client(port: int) -> None:
        ws = await websocket_connect(f"ws://127.0.0.1:{port}/", max_message_size=1 << 20)
        connection = Slow.here.ws_connection
        ws.protocol.stream.pause_receiving()
        while broadcast([Slow.here], "x" * 50_000):
            assert connection.stream.pending <= 200_000
            await asyncio.sleep(0)
        assert connection.dropped == 1
        ws.protocol.stream.resume_receiving()
        if policy is Overflow.CLOSE:
            assert all([len(message) == 50_000 async for message in ws])
            assert (ws.close_code, ws.close_reason) == (1008, "messages are not read fast enough")
        else:
            assert len(await ws.read_message() or "") == 50_000
            ws.close()

    serve(Slow, client)


def test_the_request_can_be_asked_while_the_websocket_is_open(serve: Callable[..., Any]) -> None:
    class Asks(recording()):  # type: ignore[misc]
        def on_message(self, message: str | bytes) -> None:
            self.log.append((self.request.headers["X-Who"], self.get_argument("a"), self.request.remote_ip))

    async def client(port: int) -> None:
        headers = {"X-Who": "Ada"}
        async with websockets.connect(f"ws://127.0.0.1:{port}/?a=b", additional_headers=headers) as ws:
            await ws.send("x")
            await until(lambda: len(Asks.log) == 2)

    serve(Asks, client)
    assert Asks.log[1] == ("Ada", "b", "127.0.0.1")
