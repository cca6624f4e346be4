"""What a message costs, counted: Python calls between the socket's readiness and its answer."""

# ruff: noqa: ASYNC110  # what other tasks do is waited for by looking

from __future__ import annotations

import asyncio
import socket
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpserver import HTTPServer
from waterspout.ioloop import new_event_loop
from waterspout.netutil import bind_sockets
from waterspout.web import Application
from waterspout.websocket import WebSocketHandler, broadcast

CONNECTIONS = 16
ROUNDS = 20
OPENING = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MESSAGE = b"\x81\x85\0\0\0\0hello"
ANSWER = b"\x81\x05hello"


def counted(loop_factory: Callable[[], Any] | None, message: bytes, senders: int) -> tuple[Counter[str], int]:
    """The Python functions called for *message* from each of *senders* connections, and how many answers came."""
    everybody: list[Any] = []
    calls: Counter[str] = Counter()

    class Echo(WebSocketHandler):
        def open(self) -> None:
            everybody.append(self)

        def on_message(self, message: str | bytes) -> None:
            if message == "to all":
                broadcast(everybody, "hello")
            else:
                self.write_message(message)

    def note(frame: Any, event: str, argument: Any) -> None:
        if event == "call" and frame.f_globals["__name__"].startswith(("waterspout", __name__)):
            calls[frame.f_code.co_qualname] += 1

    async def main() -> int:
        listening = bind_sockets(0, "127.0.0.1")
        server = HTTPServer(Application([("/", Echo)]))
        server.add_sockets(listening)
        loop = asyncio.get_running_loop()
        clients = [socket.socket() for _ in range(CONNECTIONS)]
        try:
            for client in clients:
                client.setblocking(False)
                await loop.sock_connect(client, listening[0].getsockname())
                await loop.sock_sendall(client, OPENING)
                received = b""
                while not received.endswith(b"\r\n\r\n"):
                    received += await loop.sock_recv(client, 1)
            while len(everybody) < CONNECTIONS:
                await asyncio.sleep(0)
            answers = 0
            for number in range(ROUNDS + 1):
                for client in clients[:senders]:
                    client.send(message)
                if number:  # everything has happened once before it is counted
                    sys.setprofile(note)
                for _ in range(4):
                    await asyncio.sleep(0)
                sys.setprofile(None)
                for client in clients if senders == 1 else clients[:senders]:
                    assert await loop.sock_recv(client, 100) == ANSWER
                    answers += bool(number)
            return answers
        finally:
            sys.setprofile(None)
            for client in clients:
                client.close()
            server.stop()
            await server.close_all_connections()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return calls, runner.run(main())


LOOPS = pytest.mark.parametrize("loop_factory", [new_event_loop, asyncio.new_event_loop], ids=["own", "asyncio"])


@LOOPS
def test_an_echo_takes_nine_python_calls(loop_factory: Callable[[], Any]) -> None:
    calls, answers = counted(loop_factory, MESSAGE, CONNECTIONS)
    each = {name: count for name, count in calls.items() if count >= answers}
    assert set(each.values()) == {answers}
    assert len(each) <= 9, each
    assert each["IOStream.flush_pending"] == answers  # at the end of the turn, together


@LOOPS
def test_a_broadcast_takes_two_python_calls_for_each_connection(loop_factory: Callable[[], Any]) -> None:
    calls, answers = counted(loop_factory, b"\x81\x86\0\0\0\0to all", 1)
    assert answers == CONNECTIONS * ROUNDS
    assert {name: count for name, count in calls.items() if count >= answers} == {
        "Output.send_shared": answers, "IOStream.send_now": answers
    }  # fmt: skip
