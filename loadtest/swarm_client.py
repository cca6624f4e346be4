"""Ten thousand keep-alive connections in one thread: plain non-blocking sockets on one epoll, no framework between.

What it measures is then the server: a response costs the swarm one ``recv``, the next poll one ``send``.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

POLL = b"GET /poll HTTP/1.1\r\nHost: swarm.example\r\nAccept: */*\r\n\r\n"
HELLO = POLL.replace(b"/poll", b"/hello")


class SwarmError(Exception):
    """The server did not do what it has to: the message says what."""


def request(port: int, head: str, body: bytes = b"", seconds: float = 60) -> bytes:
    """The body of the response to one request on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), seconds) as sock:
        lines = f"{head} HTTP/1.1\r\nHost: swarm.example\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        sock.sendall(lines.encode() + body)
        received = b"".join(iter(lambda: sock.recv(65536), b""))
    status, _, content = received.partition(b"\r\n\r\n")
    if not status.startswith(b"HTTP/1.1 200"):
        raise SwarmError(f"{head}: {status[:200]!r}")
    return content


def is_complete(response: bytes) -> bool:
    """Whether a whole response with a Content-Length has come."""
    head, found, body = response.partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    raise SwarmError(f"a response without Content-Length: {head[:200]!r}")


@dataclass
class Swarm:
    """The connections of one run."""

    port: int
    connections: dict[int, socket.socket] = field(default_factory=dict)
    epoll: select.epoll = field(default_factory=select.epoll)

    def connect(self, count: int, at_once: int, first: bytes) -> float:
        """Open ``count`` connections, at most ``at_once`` under way, each sending ``first``: seconds until all sent.

        What the server has accepted by then is its own affair; ask it, or read the responses.
        """
        started = time.perf_counter()
        pending: dict[int, socket.socket] = {}
        connecting = select.epoll()  # of its own: who is answered already is not looked at while others still connect
        left = count
        while left or pending:
            while left and len(pending) < at_once:
                sock = socket.socket()
                sock.setblocking(False)
                code = sock.connect_ex(("127.0.0.1", self.port))
                if code not in (0, errno.EINPROGRESS):
                    raise SwarmError(f"connect: {errno.errorcode.get(code, code)}")
                pending[sock.fileno()] = sock
                connecting.register(sock.fileno(), select.EPOLLOUT | select.EPOLLONESHOT)
                left -= 1
            for fd, event in _wait(connecting, 60):
                sock = pending.pop(fd)
                if event & (select.EPOLLERR | select.EPOLLHUP):
                    raise SwarmError(f"connect: {sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)}")
                sock.send(first)
                self.connections[fd] = sock
                self.epoll.register(fd, select.EPOLLIN)
        connecting.close()
        return time.perf_counter() - started

    def receive_all(self, expected: bytes, again: bytes | None, seconds: float = 120) -> tuple[float, float]:
        """Take one response on every connection; send ``again`` on each right away.

        Seconds until the last response, and until the last request, both from now on. SwarmError for any response
        whose body is not ``expected``, for a connection that closes, and when it takes longer than ``seconds``.
        """
        started = time.perf_counter()
        partial: dict[int, bytes] = {}
        missing = len(self.connections)
        connections = self.connections
        last = 0.0
        while missing:
            left = started + seconds - time.perf_counter()
            answered = []
            for fd, _event in _wait(self.epoll, left):
                sock = connections[fd]
                received = partial.pop(fd, b"") + sock.recv(65536)
                if not received.endswith(expected) or not is_complete(received):
                    if not received:
                        raise SwarmError("the server closed a connection")
                    if is_complete(received):
                        raise SwarmError(f"another answer than {expected!r}: {received[-100:]!r}")
                    partial[fd] = received
                    continue
                answered.append(sock)
            if answered:
                missing -= len(answered)
                last = time.perf_counter() - started
                if again is not None:
                    for sock in answered:
                        sock.send(again)
        return last, time.perf_counter() - started

    def stray(self) -> int:
        """How many connections have something to read that nobody asked for."""
        return len(self.epoll.poll(0, 10_000))

    def close(self) -> None:
        for sock in self.connections.values():
            sock.close()
        self.connections.clear()
        self.epoll.close()


def _wait(epoll: select.epoll, seconds: float) -> list[tuple[int, int]]:
    events = epoll.poll(max(0.0, seconds), 4096)
    if not events:
        raise SwarmError(f"nothing happened for {seconds:.0f} s")
    return events


@contextlib.contextmanager
def swarm(port: int) -> Iterator[Swarm]:
    made = Swarm(port)
    try:
        yield made
    finally:
        made.close()
