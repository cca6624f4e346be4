"""`WebSocketProtocol` and `WebSocketProtocol13`: Tornado's names for what a handler's connection does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import websockets

from waterspout.websocket import WebSocketClosedError, WebSocketHandler, WebSocketProtocol, WebSocketProtocol13


class Chosen(WebSocketHandler):
    """Speaks by a protocol object of its own choice; ``/?no`` is refused."""

    seen: dict[str, Any] = {}

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        if self.request.query == "no":
            return None
        self.protocol = WebSocketProtocol13(self, False, None)
        self.seen["before"] = (self.protocol.stream, self.protocol.client_terminated, self.protocol.is_closing())
        return self.protocol

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return "chat" if "chat" in subprotocols else None

    def open(self) -> None:
        protocol = self.protocol
        self.seen["open"] = (protocol.stream is not None, protocol.client_terminated, protocol.server_terminated)
        self.seen["chosen"] = protocol.selected_subprotocol
        self.seen["is one"] = isinstance(self.ws_connection, WebSocketProtocol)
        protocol.set_nodelay(True)
        protocol.start_pinging()
        self.waiting = asyncio.ensure_future(protocol.periodic_ping())

    async def on_message(self, message: str | bytes) -> None:
        if message == "end":
            self.protocol.close(4001, "as asked")
            self.seen["closing"] = (self.protocol.is_closing(), self.protocol.server_terminated)
        else:
            await self.protocol.write_message({"got": message})
            self.protocol.write_ping(b"?")

    def on_pong(self, data: bytes) -> None:
        self.seen["pong"] = data

    def on_close(self) -> None:
        self.seen["end"] = (self.protocol.close_code, self.protocol.close_reason)
        with pytest.raises(WebSocketClosedError):
            self.protocol.write_message("too late")
        self.protocol.close()
        self.protocol.on_connection_close()


def test_a_handler_may_choose_the_protocol_that_accepts_its_request(serve: Callable[..., Any]) -> None:
    async def client(port: int) -> None:
        async with websockets.connect(f"ws://127.0.0.1:{port}/", subprotocols=["other", "chat"]) as ws:  # type: ignore[list-item]
            await ws.send("hello")
            assert await ws.recv() == '{"got": "hello"}'
            await ws.send("end")
            await ws.wait_closed()
            assert (ws.close_code, ws.close_reason, ws.subprotocol) == (4001, "as asked", "chat")
        async with asyncio.timeout(30):
            while "end" not in Chosen.seen:  # noqa: ASYNC110 - what the server does is waited for by looking
                await asyncio.sleep(0.001)

    serve(Chosen, client)
    assert Chosen.seen == {
        "before": (None, True, True),
        "open": (True, False, False),
        "chosen": "chat",
        "is one": True,
        "pong": b"?",
        "closing": (True, True),
        "end": (4001, "as asked"),
    }


def test_a_handler_that_chooses_none_answers_426(serve: Callable[..., Any]) -> None:
    async def client(port: int) -> None:
        with pytest.raises(websockets.InvalidStatus) as caught:
            await websockets.connect(f"ws://127.0.0.1:{port}/?no")
        assert caught.value.response.status_code == 426
        assert caught.value.response.headers["Sec-WebSocket-Version"] == "13"

    serve(Chosen, client)


def test_the_accept_value_is_that_of_the_rfc() -> None:
    for key in ("dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBsZSBub25jZQ=="):
        assert WebSocketProtocol13.compute_accept_value(key) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(("last", "now", "seconds"), [(100.0, 104.0, 6.0), (100.0, 110.0, 0.0), (100.0, 200.0, 0.0)])
def test_the_next_ping_is_due_an_interval_after_the_last(last: float, now: float, seconds: float) -> None:
    assert WebSocketProtocol13.ping_sleep_time(last_ping_time=last, interval=10.0, now=now) == seconds


def test_a_protocol_must_say_how_it_does_everything() -> None:
    with pytest.raises(TypeError, match="abstract"):
        WebSocketProtocol(None)  # type: ignore[abstract,arg-type]


def test_the_bits_of_a_frames_first_byte_are_those_of_the_rfc() -> None:
    bits = WebSocketProtocol13
    assert [bits.FIN, bits.RSV1, bits.RSV2, bits.RSV3] == [0x80, 0x40, 0x20, 0x10]
    assert bits.RSV1 | bits.RSV2 | bits.RSV3 == bits.RSV_MASK
    assert bits.FIN | bits.RSV_MASK | bits.OPCODE_MASK == 0xFF
