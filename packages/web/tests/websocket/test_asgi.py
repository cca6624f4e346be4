"""A WebSocketHandler under an ASGI server, driven by events as a server's; integration/ has the servers themselves."""

# ruff: noqa: ASYNC110  # what other tasks do is waited for by looking

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waterspout import web
from waterspout.websocket import Overflow, WebSocketClosedError, WebSocketHandler, broadcast

CONNECT = {"type": "websocket.connect"}
RESPONSE = {"extensions": {"websocket.http.response": {}}}


def gone(code: int = 1001, reason: str = "") -> dict[str, Any]:
    return {"type": "websocket.disconnect", "code": code, "reason": reason}


def text(message: str) -> dict[str, Any]:
    return {"type": "websocket.receive", "text": message, "bytes": None}


class Server:
    """The calls of a server: what is `put` comes in order; what is sent is noted, while `open_for_more` is set."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.open_for_more = asyncio.Event()
        self.open_for_more.set()
        self.broken = False

    def put(self, *events: dict[str, Any]) -> None:
        for event in events:
            self.events.put_nowait(event)

    async def receive(self) -> dict[str, Any]:
        return await self.events.get()

    async def send(self, event: dict[str, Any]) -> None:
        await self.open_for_more.wait()
        if self.broken:
            raise OSError("the client has left")
        self.sent.append(event)

    async def until(self, condition: Callable[[], Any]) -> None:
        while not condition():
            await asyncio.sleep(0.001)


class Noted(WebSocketHandler):
    """Notes what happens to it."""

    log: list[Any]
    here: Any = None

    def __init_subclass__(cls) -> None:
        cls.log = []

    def open(self, *args: str) -> Any:
        type(self).here = self
        self.log.append(("open", *args))

    def on_message(self, message: str | bytes) -> Any:
        self.log.append(message)

    def on_close(self) -> None:
        self.log.append(("close", self.close_code, self.close_reason))


def serve(handler: Any, drive: Callable[[Server], Awaitable[None]], **scope: Any) -> Server:
    """Serve one WebSocket with *handler* while *drive* plays the server's part."""
    whole: dict[str, Any] = {
        "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "ws", "path": "/room/blue",
        "query_string": b"", "headers": [(b"host", b"a"), (b"origin", b"http://a")], "client": ("192.0.2.1", 5),
        "server": ("192.0.2.2", 80), "subprotocols": [], **scope,
    }  # fmt: skip

    async def main() -> Server:
        server = Server()
        app = web.asgi(web.Application([("/room/(.*)", handler)]))
        serving = asyncio.create_task(app(whole, server.receive, server.send))
        async with asyncio.timeout(20):
            await drive(server)
            await serving
        return server

    return asyncio.run(main())


def test_messages_go_both_ways_and_on_close_has_the_code() -> None:
    class Echo(Noted):
        def on_message(self, message: str | bytes) -> Any:
            return self.write_message(message, isinstance(message, bytes))

    async def drive(server: Server) -> None:
        server.put(CONNECT, text("häh"), {"type": "websocket.receive", "bytes": b"\xff"})
        await server.until(lambda: len(server.sent) == 3)
        server.put(gone(3000, "bye"))

    server = serve(Echo, drive)
    assert server.sent == [
        {"type": "websocket.accept", "subprotocol": None},
        {"type": "websocket.send", "text": "häh"},
        {"type": "websocket.send", "bytes": b"\xff"},
    ]
    assert Echo.log == [("open", "blue"), ("close", 3000, "bye")]
    assert Echo.here.ws_connection is None


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("message", [5, 10**12, None, [1]])
def test_what_is_no_message_is_a_type_error_and_nothing_is_sent(message: Any, binary: bool) -> None:
    class Sends(Noted):
        def on_message(self, received: str | bytes) -> Any:
            with pytest.raises(TypeError):
                self.write_message(message, binary)
            self.write_message(bytearray(b"next"), binary)

    async def drive(server: Server) -> None:
        server.put(CONNECT, text("x"))
        await server.until(lambda: len(server.sent) == 2)
        server.put(gone(1000, ""))

    server = serve(Sends, drive)
    assert server.sent[1:] == [{"type": "websocket.send", **({"bytes": b"next"} if binary else {"text": "next"})}]


def test_the_acceptance_has_the_subprotocol_cookies_and_headers() -> None:
    class Chooses(Noted):
        def prepare(self) -> None:
            self.set_cookie("a", "b")
            self.set_header("X-Y", "z")

        def select_subprotocol(self, subprotocols: list[str]) -> str | None:
            return subprotocols[-1]

    async def drive(server: Server) -> None:
        server.put(CONNECT)
        await server.until(lambda: server.sent)
        server.put(gone())

    (accept,) = serve(Chooses, drive, subprotocols=["one", "two"]).sent
    assert accept["subprotocol"] == "two"
    assert dict(accept["headers"])[b"x-y"] == b"z" and dict(accept["headers"])[b"set-cookie"].startswith(b"a=b")
    assert not {b"content-type", b"upgrade", b"connection", b"date"} & dict(accept["headers"]).keys()


@pytest.mark.parametrize("can_respond", [True, False])
@pytest.mark.parametrize(("path", "origin", "status"), [("/room/x", b"http://evil", 403), ("/none", b"http://a", 404)])
def test_a_refusal_is_a_response_where_the_server_can_send_one(
    can_respond: bool, path: str, origin: bytes, status: int
) -> None:
    class Refuses(Noted):
        pass

    async def drive(server: Server) -> None:
        server.put(CONNECT)

    headers = [(b"host", b"a"), (b"origin", origin)]
    server = serve(Refuses, drive, path=path, headers=headers, **(RESPONSE if can_respond else {}))
    if can_respond:
        assert [event["type"] for event in server.sent] == [
            "websocket.http.response.start",
            "websocket.http.response.body",
        ]
        assert server.sent[0]["status"] == status
    else:
        assert server.sent == [{"type": "websocket.close"}]
    assert Refuses.log == []


def test_a_request_without_host_is_refused() -> None:
    async def drive(server: Server) -> None:
        server.put(CONNECT)

    assert serve(Noted, drive, headers=[], **RESPONSE).sent[0]["status"] == 400


def test_a_client_that_leaves_before_it_is_accepted_opens_nothing() -> None:
    class Slow(Noted):
        async def prepare(self) -> None:
            self.log.append("asked")
            await asyncio.Event().wait()

        def on_connection_close(self) -> None:
            self.log.append("left")

    async def drive(server: Server) -> None:
        server.put(CONNECT)
        await server.until(lambda: Slow.log)
        server.put(gone())

    assert serve(Slow, drive).sent == []
    assert Slow.log == ["asked", "left"]


def test_messages_wait_for_open_and_for_each_other() -> None:
    gates: list[asyncio.Event] = []

    class Slow(Noted):
        async def open(self, *args: str) -> None:
            await self.gate("opened")

        async def on_message(self, message: str | bytes) -> None:
            self.log.append(message)
            await self.gate("done")

        async def gate(self, name: str) -> None:
            gates.append(asyncio.Event())
            await gates[-1].wait()
            self.log.append(name)

    async def drive(server: Server) -> None:
        server.put(CONNECT, text("1"), text("2"), gone())
        for expected in ([], ["opened", "1"], ["opened", "1", "done", "2"]):
            await server.until(lambda expected=expected: Slow.log == expected)
            await server.until(lambda expected=expected: len(gates) == (len(expected) + 2) // 2)
            gates[-1].set()

    serve(Slow, drive)
    assert Slow.log == ["opened", "1", "done", "2", "done", ("close", 1001, None)]


def test_closing_with_a_code_ends_when_the_server_says_so() -> None:
    class Closes(Noted):
        def on_message(self, message: str | bytes) -> None:
            connection = self.ws_connection
            with pytest.raises(ValueError, match="1005 must not be sent"):
                self.close(1005)
            type(self).log.append(connection is not None)
            assert connection is not None
            connection.close(3001, "as asked")
            connection.close(3002)
            assert connection.is_closing() and connection.server_terminated and not connection.client_terminated
            with pytest.raises(WebSocketClosedError):
                self.write_message("late")

    async def drive(server: Server) -> None:
        server.put(CONNECT, text("x"))
        await server.until(lambda: len(server.sent) == 2)
        server.put(gone(3001, "as asked"))

    server = serve(Closes, drive)
    assert server.sent[1] == {"type": "websocket.close", "code": 3001, "reason": "as asked"}
    assert Closes.log == [("open", "blue"), True, ("close", 3001, "as asked")]


@pytest.mark.parametrize("code", [1005, 1006])
def test_codes_that_only_stand_for_something_are_none(code: int) -> None:
    class Plain(Noted):
        pass

    async def drive(server: Server) -> None:
        server.put(CONNECT, gone(code))

    serve(Plain, drive)
    assert Plain.log == [("open", "blue"), ("close", None, None)]


def test_a_server_that_never_tells_of_the_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from waterspout.web import _asgiwebsocket

    monkeypatch.setattr(_asgiwebsocket, "CLOSE_TIMEOUT", 0.02)

    class Closes(Noted):
        def open(self, *args: str) -> None:
            self.close()

    async def drive(server: Server) -> None:
        server.put(CONNECT)

    assert serve(Closes, drive).sent[1] == {"type": "websocket.close", "code": 1000, "reason": ""}
    assert Closes.log == [("close", None, None)]


@pytest.mark.parametrize("where", ["open", "on_message", "async on_message"])
def test_what_a_handler_raises_is_logged_and_closes_with_1011(where: str, caplog: pytest.LogCaptureFixture) -> None:
    class Fails(Noted):
        def open(self, *args: str) -> None:
            if where == "open":
                raise ValueError("broken")

        def on_message(self, message: str | bytes) -> Any:
            if where == "on_message":
                raise ValueError("broken")
            return self.later()

        async def later(self) -> None:
            raise ValueError("broken")

    async def drive(server: Server) -> None:
        server.put(CONNECT, text("x"))
        await server.until(lambda: len(server.sent) == 2)
        server.put(text("ignored"), gone(1011))

    assert serve(Fails, drive).sent[1]["code"] == 1011
    assert "broken" in caplog.text


def test_WS20_write_message_waits_while_the_server_takes_nothing() -> None:
    class Plain(Noted):
        pass

    async def drive(server: Server) -> None:
        server.put(CONNECT)
        await server.until(lambda: server.sent)
        server.open_for_more.clear()
        here = Plain.here
        assert here.write_message("x" * 60_000).done()
        waiting = here.write_message("x" * 60_000)
        await asyncio.sleep(0.01)
        assert not waiting.done()
        server.open_for_more.set()
        await waiting
        server.open_for_more.clear()
        here.write_message("x" * 60_000)
        lost = here.write_message("x" * 60_000)
        server.put(gone(1006))
        with pytest.raises(WebSocketClosedError):
            await lost
        server.open_for_more.set()

    serve(Plain, drive)
    assert Plain.log == [("open", "blue"), ("close", None, None)]


@pytest.mark.parametrize("policy", [Overflow.DROP, Overflow.CLOSE])
def test_WS20_the_policies_apply_to_messages_and_broadcasts(policy: Overflow) -> None:
    class Slow(Noted):
        overflow = policy
        high_water = 1000

    async def drive(server: Server) -> None:
        server.put(CONNECT)
        await server.until(lambda: server.sent)
        server.open_for_more.clear()
        here, connection = Slow.here, Slow.here.ws_connection
        assert here.write_message("x" * 900).done()
        assert broadcast([here], b"x" * 200) == 1
        assert broadcast([here], "x") == 0
        assert connection.dropped == 1
        if policy is Overflow.DROP:
            assert here.write_message("x").done() and connection.dropped == 2
        else:
            with pytest.raises(WebSocketClosedError):
                here.write_message("x")
            assert broadcast([here], "x") == 0
        server.open_for_more.set()
        await server.until(lambda: len(server.sent) >= (3 if policy is Overflow.DROP else 4))
        server.put(gone())

    sent = serve(Slow, drive).sent
    assert [len(event["text"]) for event in sent if event["type"] == "websocket.send"] == [900, 200]
    assert [event["code"] for event in sent if event["type"] == "websocket.close"] == (
        [] if policy is Overflow.DROP else [1008]
    )


def test_a_client_that_is_gone_when_the_server_sends_is_heard_of_once() -> None:
    class Plain(Noted):
        pass

    async def drive(server: Server) -> None:
        server.put(CONNECT)
        await server.until(lambda: server.sent)
        server.broken = True
        Plain.here.write_message({"a": 1})

    serve(Plain, drive)
    assert Plain.log == [("open", "blue"), ("close", None, None)]


def test_pings_are_the_servers() -> None:
    class Pings(Noted):
        def open(self, *args: str) -> None:
            self.set_nodelay(True)
            with pytest.raises(RuntimeError, match="sends its own"):
                self.ping()

    async def drive(server: Server) -> None:
        server.put(CONNECT, gone())

    serve(Pings, drive)


def test_a_plain_handler_answers_a_websocket_with_its_response() -> None:
    async def drive(server: Server) -> None:
        server.put(CONNECT)

    plain = type("Plain", (web.RequestHandler,), {"get": lambda self, name: self.write("page")})
    assert serve(plain, drive, **RESPONSE).sent[1]["body"] == b"page"
