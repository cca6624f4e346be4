"""The load that ``bench_ws.py`` puts on a WebSocket server: one thread, blocking opening, one selector after it."""

from __future__ import annotations

import resource
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, BINARY = 0x81, 0x82
MASK = b"\x11\x22\x33\x44"
PATIENCE = 60.0


def head(first: int, size: int, mask_bit: int) -> bytes:
    if size <= 125:
        return bytes((first, mask_bit | size))
    if size < 1 << 16:
        return bytes((first, mask_bit | 126)) + size.to_bytes(2)
    return bytes((first, mask_bit | 127)) + size.to_bytes(8)


def masked(first: int, payload: bytes) -> bytes:
    key = (MASK * (len(payload) // 4 + 1))[: len(payload)]
    body = (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(len(payload))
    return head(first, len(payload), 0x80) + MASK + body


def connected(port: int) -> socket.socket:
    """An open WebSocket. Raises ValueError for an answer that is not the right 101."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(REQUEST % port)
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        seen = sock.recv(65536, socket.MSG_PEEK)  # what follows the head is left where it is
        if not seen:
            break
        head, end, _ = (answer + seen).partition(b"\r\n\r\n")
        answer += sock.recv(len(head + end) - len(answer))
    if not answer.startswith(b"HTTP/1.1 101 ") or b"\r\n" + b"sec-websocket-accept: " not in answer.lower():
        raise ValueError(f"the WebSocket was not opened: {answer[:200]!r}")
    return sock


@contextmanager
def open_sockets(port: int, count: int) -> Iterator[list[socket.socket]]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 1000), hard))
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            sockets.append(connected(port))
        yield sockets
    finally:
        for sock in sockets:
            sock.close()


def echo(sockets: list[socket.socket], first: int, payload: bytes, seconds: float) -> int:
    """Keep one message on its way on each socket for *seconds*; the number of echoes. Checks the first of each."""
    wire = masked(first, payload)
    expected = head(first, len(payload), 0) + payload
    selector = selectors.EpollSelector()
    missing = {}
    for sock in sockets:
        sock.sendall(wire)
        received = b""
        while len(received) < len(expected):
            data = sock.recv(1 << 20)
            if not data:
                raise ValueError("the server closed the connection")
            received += data
        if received != expected:
            raise ValueError(f"wrong echo: {received[:60]!r} for {expected[:60]!r}")
        selector.register(sock, selectors.EVENT_READ)
        missing[sock] = len(expected)
    echoes = 0
    for sock in sockets:
        sock.sendall(wire)
    size = len(expected)
    deadline = time.monotonic() + seconds
    running, waiting = True, len(sockets)
    while waiting:
        for key, _ in selector.select(PATIENCE) or _silent():
            sock = key.fileobj  # type: ignore[assignment]
            left = missing[sock] - len(sock.recv(1 << 18))
            if left == missing[sock]:
                raise ValueError("the server closed the connection")
            if left:
                missing[sock] = left
                continue
            echoes += 1
            missing[sock] = size
            if running:
                sock.sendall(wire)
            else:
                waiting -= 1
        running = running and time.monotonic() < deadline
    selector.close()
    return echoes


def _silent() -> list[tuple[selectors.SelectorKey, int]]:
    raise TimeoutError(f"no socket became readable for {PATIENCE} seconds")


def broadcast(sockets: list[socket.socket], payload: bytes) -> float:
    """Ask for one broadcast on the first socket; seconds until all have it."""
    expected = len(payload) + 2
    missing = {sock: expected for sock in sockets}
    selector = selectors.EpollSelector()
    for sock in sockets:
        selector.register(sock, selectors.EVENT_READ)
    start = time.perf_counter()
    sockets[0].sendall(masked(TEXT, b"broadcast"))
    while missing:
        for key, _ in selector.select(PATIENCE) or _silent():
            sock = key.fileobj  # type: ignore[assignment]
            data = sock.recv(65536)
            if not data:
                raise ValueError("the server closed the connection")
            missing[sock] -= len(data)
            if not missing[sock]:
                del missing[sock]
    elapsed = time.perf_counter() - start
    selector.close()
    return elapsed
