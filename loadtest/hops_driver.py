"""The driving side of ``hops.py``: raw keep-alive connections, so many requests in flight, every answer checked."""

from __future__ import annotations

import selectors
import socket
import time
from dataclasses import dataclass

HEAD = b"Host: 127.0.0.1\r\nUser-Agent: hops\r\nAccept: */*\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """The bytes of one request and the body that its answer must have."""

    wire: bytes
    answer: bytes


def get(target: str, answer: bytes) -> Request:
    return Request(b"GET " + target.encode() + b" HTTP/1.1\r\n" + HEAD + b"\r\n", answer)


def post(target: str, body: bytes, answer: bytes) -> Request:
    length = str(len(body)).encode()
    kind = b"Content-Type: application/octet-stream\r\n"
    head = b"POST " + target.encode() + b" HTTP/1.1\r\n" + HEAD + kind + b"Content-Length: " + length + b"\r\n\r\n"
    return Request(head + body, answer)


def post_chunked(target: str, body: bytes, chunk: int, answer: bytes) -> Request:
    kind = b"Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    parts = [b"POST " + target.encode() + b" HTTP/1.1\r\n" + HEAD + kind]
    for start in range(0, len(body), chunk):
        piece = body[start : start + chunk]
        parts.append(b"%x\r\n%b\r\n" % (len(piece), piece))
    parts.append(b"0\r\n\r\n")
    return Request(b"".join(parts), answer)


class WrongAnswer(Exception):
    """The server closed, answered something else than 200, or sent another body than expected."""


class Connection:
    """One keep-alive connection; at most one request is outstanding."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.expected = b""

    def send(self, request: Request) -> None:
        self.expected = request.answer
        self.socket.sendall(request.wire)

    def receive(self) -> bool:
        """Read once; true when the whole answer has come and is the expected one."""
        data = self.socket.recv(1 << 20)
        if not data:
            raise WrongAnswer(f"the server closed the connection after {self.received[:200]!r}")
        self.received += data
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return False
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), None
        )
        if length is None or not head.startswith(b"HTTP/1.1 200 "):
            raise WrongAnswer(f"not a 200 with a Content-Length: {head[:200]!r}")
        if len(body) < length:
            return False
        if body != self.expected:
            raise WrongAnswer(f"expected {self.expected[:80]!r}, got {body[:80]!r}")
        self.received = b""
        return True

    def exchange(self, request: Request) -> None:
        self.send(request)
        while not self.receive():
            pass  # more of the same answer is on its way


class Driver:
    """``connections`` keep-alive connections to 127.0.0.1:``port``."""

    def __init__(self, port: int, connections: int) -> None:
        self.all = [Connection(port) for _ in range(connections)]

    def run(self, request: Request, count: int, in_flight: int) -> None:
        """Send ``request`` ``count`` times, round the connections, ``in_flight`` of them outstanding at any time."""
        if in_flight == 1:
            for number in range(count):
                self.all[number % len(self.all)].exchange(request)
            return
        left = count
        with selectors.DefaultSelector() as selector:
            for connection in self.all[: min(in_flight, count)]:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
                connection.send(request)
                left -= 1
            while selector.get_map():
                for key, _ in selector.select():
                    connection = key.data
                    if not connection.receive():
                        continue
                    if left:
                        left -= 1
                        connection.send(request)
                    else:
                        selector.unregister(connection.socket)

    def long_poll(self, poll: Request, publish: Request, rounds: int, pause: float) -> int:
        """``rounds`` times: all connections but the last poll, ``pause`` seconds later the last publishes.

        Returns the number of polls.
        """
        *pollers, publisher = self.all
        for _ in range(rounds):
            for connection in pollers:
                connection.send(poll)
            time.sleep(
                pause
            )  # the server has nothing to say before the publication, so only time tells that all polls wait
            publisher.exchange(publish)
            for connection in pollers:
                while not connection.receive():
                    pass  # more of the same answer is on its way
        return rounds * len(pollers)

    def close(self) -> None:
        for connection in self.all:
            connection.socket.close()
