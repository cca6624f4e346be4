"""Heads that come a few bytes at a time are read together, now and then."""

from __future__ import annotations

import asyncio
import errno
import select
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waterspout.http1connection import HTTP1ServerConnection, Phase, SlowHeads, _slow_heads
from waterspout.httputil import HTTPServerRequest
from waterspout.ioloop import Deadlines, new_event_loop
from waterspout.iostream import IOStream

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="only Linux has epoll")

BEGINNING = b"GET /slow HTTP/1.1\r\nHost: a\r\nX: "
TURNS = 20


def answer(request: HTTPServerRequest) -> None:
    connection: Any = request.connection
    connection.respond(200, None, f"Content-Length: {len(request.path)}\r\n", request.path.encode())


async def turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


class Client:
    """A client of a server of its own; what it sends is there at once, on a socket pair."""

    def __init__(self, slow: SlowHeads, deadlines: Deadlines) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(10)
        stream = IOStream(theirs)
        self.connection = HTTP1ServerConnection(stream, deadlines=deadlines, slow_heads=slow)
        self.connection.start_serving(answer)

    async def send(self, data: bytes) -> None:
        self.socket.send(data)
        await turns()

    @property
    def held(self) -> int:
        return self.connection._reader.held

    async def slowly(self) -> None:
        """Send a beginning, and one byte more."""
        await self.send(BEGINNING)
        await self.send(b"y")

    def close(self) -> None:
        self.connection.close()
        self.socket.close()


Clients = Callable[[int], list[Client]]


def run(main: Callable[[Clients, SlowHeads], Awaitable[None]]) -> None:
    async def whole() -> None:
        made: list[Client] = []
        stream = IOStream(socket.socket())
        slow, deadlines = SlowHeads(stream.io_loop), Deadlines(stream.io_loop)
        stream.close()

        def clients(count: int) -> list[Client]:
            made.extend(Client(slow, deadlines) for _ in range(count))
            return made[-count:]

        await main(clients, slow)
        for client in made:
            client.close()
        await turns()
        assert len(slow) == 0 and slow._epoll is None
        deadlines.close()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(asyncio.wait_for(whole(), 30))


@pytest.fixture(autouse=True)
def only_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second piece makes a head a slow one, and a test says when slow ones are looked at."""
    monkeypatch.setattr(_slow_heads, "PATIENCE", 0.0)
    monkeypatch.setattr(_slow_heads, "INTERVAL", 1000.0)


def test_a_byte_of_a_slow_head_is_read_when_it_is_looked_at_and_not_when_it_comes() -> None:
    async def main(clients: Clients, slow: SlowHeads) -> None:
        (client,) = clients(1)
        await client.slowly()
        before = client.held
        assert before == len(BEGINNING) + 1 and len(slow) == 1
        await client.send(b"z")
        assert client.held == before
        slow._look()
        assert client.held == before + 1 and len(slow) == 1

    run(main)


def test_a_slow_head_that_ends_is_answered_and_the_next_one_is_read_when_it_comes() -> None:
    async def main(clients: Clients, slow: SlowHeads) -> None:
        (client,) = clients(1)
        await client.slowly()
        await client.send(b"\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        slow._look()
        await turns()
        assert len(slow) == 0
        received = client.socket.recv(1000)
        assert received.index(b"/slow") < received.index(b"/next") and received.count(b" 200 OK") == 2
        await client.send(b"GET /third HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.socket.recv(1000).endswith(b"/third")

    run(main)


def test_it_looks_by_itself_twenty_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_slow_heads, "INTERVAL", 0.01)

    async def main(clients: Clients, slow: SlowHeads) -> None:
        (client,) = clients(1)
        await client.slowly()
        await client.send(b"z")
        client.socket.send(b"\r\n\r\n")
        client.socket.setblocking(False)
        received = await asyncio.get_running_loop().sock_recv(client.socket, 1000)
        assert received.endswith(b"/slow") and len(slow) == 0

    run(main)


def test_of_many_that_have_sent_something_some_are_read_at_each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_slow_heads, "READ_AT_ONCE", 2)

    async def main(clients: Clients, slow: SlowHeads) -> None:
        crowd = clients(5)
        for client in crowd:
            await client.slowly()
        for client in crowd:
            client.socket.send(b"z")
        read = []
        for _ in range(3):
            slow._look()
            read.append(sum(client.held == len(BEGINNING) + 2 for client in crowd))
        assert read == [2, 4, 5]

    run(main)


def test_who_is_slow_for_a_moment_is_read_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_slow_heads, "PATIENCE", 1000.0)

    async def main(clients: Clients, slow: SlowHeads) -> None:
        (client,) = clients(1)
        for byte in BEGINNING + b"y\r\n\r\n":
            await client.send(bytes([byte]))
            assert len(slow) == 0
        assert client.socket.recv(1000).endswith(b"/slow")

    run(main)


def test_without_a_descriptor_to_spare_slow_heads_are_read_as_they_come(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class NoMore:
        @staticmethod
        def epoll() -> None:
            raise OSError(errno.EMFILE, "Too many open files")

    async def main(clients: Clients, slow: SlowHeads) -> None:
        (client,) = clients(1)
        monkeypatch.setattr(_slow_heads, "select", NoMore)
        await client.slowly()
        await client.send(b"z\r\n\r\n")
        assert client.socket.recv(1000).endswith(b"/slow") and len(slow) == 0 and not caplog.records

    run(main)


def test_in_a_crowd_of_slow_ones_the_next_is_taken_for_one_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_slow_heads, "CROWD", 2)

    async def main(clients: Clients, slow: SlowHeads) -> None:
        for client in clients(2):
            await client.slowly()
        monkeypatch.setattr(_slow_heads, "PATIENCE", 1000.0)
        late, whole, large = clients(3)
        await late.slowly()
        assert len(slow) == 3
        await large.send(BEGINNING)
        await large.send(b"y" * 64)  # as the second packet of a long head
        await large.send(b"\r\n\r\n")
        assert large.socket.recv(1000).endswith(b"/slow") and len(slow) == 3
        await whole.send(BEGINNING + b"\r\n\r\n")  # in one piece
        assert whole.socket.recv(1000).endswith(b"/slow") and len(slow) == 3

    run(main)


def test_the_deadline_of_a_slow_head_is_answered_with_408() -> None:
    async def main(clients: Clients, slow: SlowHeads) -> None:
        (client,) = clients(1)
        await client.slowly()
        client.connection.deadline_passed()
        await turns()
        assert b" 408 " in client.socket.recv(1000) and len(slow) == 0
        assert client.connection.phase is Phase.LINGERING
        await client.send(b"more of it")  # read and thrown away, so that the answer is not lost to a reset
        client.socket.close()
        await turns()
        assert client.connection.stream.closed()

    run(main)


def test_a_slow_head_that_breaks_the_rules_is_refused() -> None:
    async def main(clients: Clients, slow: SlowHeads) -> None:
        (client,) = clients(1)
        await client.slowly()
        await client.send(b"\r\nno field\r\n\r\n")
        slow._look()
        await turns()
        assert b" 400 " in client.socket.recv(1000) and len(slow) == 0

    run(main)


@pytest.mark.parametrize("who", ["client", "server"])
def test_a_slow_connection_that_ends_is_forgotten(who: str) -> None:
    async def main(clients: Clients, slow: SlowHeads) -> None:
        one, other = clients(2)
        await one.slowly()
        await other.slowly()
        assert len(slow) == 2
        if who == "client":
            one.socket.close()
            slow._look()
        else:
            one.connection.close()
        await turns()
        assert len(slow) == 1 and one.connection.phase is Phase.CLOSED
        await other.send(b"\r\n\r\n")
        slow._look()
        await turns()
        assert other.socket.recv(1000).endswith(b"/slow")

    run(main)
