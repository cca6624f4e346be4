"""A connection over a real socket, and the raw other end of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waterspout.ioloop import new_event_loop
from waterspout.iostream import IOStream
from waterspout.ws import Connection, Event, PerMessageDeflate, Role
from waterspout.wsconnection import WebSocketConnection


class Owner:
    """Writes down what it is told; `answer`, if set, is what `on_message` does."""

    def __init__(self) -> None:
        self.messages: list[str | bytes] = []
        self.pings: list[bytes] = []
        self.pongs: list[bytes] = []
        self.closes: list[tuple[int | None, str | None]] = []
        self.errors: list[BaseException | None] = []
        self.answer: Callable[[str | bytes], Any] | None = None
        self.closed = asyncio.Event()

    def on_message(self, message: str | bytes) -> Any:
        self.messages.append(message)
        return None if self.answer is None else self.answer(message)

    def on_ping(self, data: bytes) -> None:
        self.pings.append(data)

    def on_pong(self, data: bytes) -> None:
        self.pongs.append(data)

    def on_ws_connection_close(self, close_code: int | None = None, close_reason: str | None = None) -> None:
        self.closes.append((close_code, close_reason))
        self.closed.set()

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        self.errors.append(value)


class Peer:
    """The other end: a codec of the other role on a plain socket."""

    def __init__(self, sock: socket.socket, role: Role, extension: PerMessageDeflate | None = None) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.codec = Connection(role, max_message_size=1 << 30, extension=extension)
        self._events: list[Event] = []

    async def send(self, *frames: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, b"".join(frames))

    async def next(self) -> Event | None:
        """The next event; None at the end of the stream."""
        while not self._events:
            try:
                data = await asyncio.get_running_loop().sock_recv(self.sock, 65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._events += self.codec.receive(data)
        return self._events.pop(0)

    async def rest(self) -> list[Event]:
        """All events until the end of the stream."""
        events = []
        while (event := await self.next()) is not None:
            events.append(event)
        return events


class Pair:
    """A connection, its owner, and its peer."""

    def __init__(self, role: Role, **options: Any) -> None:
        ours, theirs = socket.socketpair()
        other = Role.CLIENT if role is Role.SERVER else Role.SERVER
        self.owner = Owner()
        self.stream = IOStream(ours)
        size = options.pop("max_message_size", 1 << 20)
        deflate = options.pop("deflate", False)
        codec = Connection(role, max_message_size=size, extension=PerMessageDeflate() if deflate else None)
        self.connection = WebSocketConnection(self.stream, codec, self.owner, **options)
        self.peer = Peer(theirs, other, PerMessageDeflate() if deflate else None)

    def close(self) -> None:
        self.stream.close()
        self.peer.sock.close()


@pytest.fixture
def pair() -> Callable[..., Any]:
    """``pair(test, role=..., start=True, **options)`` runs ``await test(pair)`` on a fresh loop."""

    def run(
        test: Callable[[Pair], Awaitable[None]], role: Role = Role.SERVER, start: bool = True, **options: Any
    ) -> None:
        async def main() -> None:
            made = Pair(role, **options)
            try:
                if start:
                    made.connection.start()
                async with asyncio.timeout(10):
                    await test(made)
            finally:
                made.close()
                await asyncio.sleep(0)

        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(main())

    return run
