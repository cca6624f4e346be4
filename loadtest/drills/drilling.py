"""What the drills share: a server in a process of its own whose memory and descriptors are watched, and crowds of raw
clients.

``python loadtest/drills/drilling.py '{"max_connections": 100}'`` is that server: it prints its port and serves ``/``
("ok"), ``/echo`` (the length of a body that it collects), ``/sink`` (the same, without keeping the body), ``/flow``
(100 MB).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
FLOW = 100 * 1024 * 1024


class Served:
    """The server's process."""

    def __init__(self, limit: int | None = None, **options: Any) -> None:
        """*limit* is the number of descriptors that it may have, *options* are HTTPServer's."""

        def bound() -> None:
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

        self.log = tempfile.TemporaryFile("w+")  # not a pipe: nobody would empty it
        self.process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(options)],
            stdout=subprocess.PIPE, stderr=self.log, text=True, preexec_fn=bound,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the server did not start:\n{self.stop()}")
        self.address = ("127.0.0.1", int(line))

    def alive(self) -> bool:
        return self.process.poll() is None

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory(self) -> int:
        """Bytes of memory that are its own (resident, not shared)."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")

    def settled(self, descriptors: int, seconds: float = 30.0) -> int:
        """Its descriptors once there are no more than *descriptors*, or after *seconds*."""
        end = time.monotonic() + seconds
        while self.descriptors() > descriptors and time.monotonic() < end:
            time.sleep(0.1)
        return self.descriptors()

    def stop(self) -> str:
        """End it; what it logged."""
        self.process.terminate()
        self.process.wait(30)
        self.log.seek(0)
        return self.log.read()


@contextlib.contextmanager
def served(limit: int | None = None, **options: Any) -> Iterator[Served]:
    """A `Served` that is ended afterwards."""
    server = Served(limit, **options)
    try:
        yield server
    finally:
        if server.alive():
            server.stop()


def connect(address: tuple[str, int], timeout: float = 30.0) -> socket.socket:
    return socket.create_connection(address, timeout=timeout)


def ask(sock: socket.socket, raw: bytes = GET) -> bytes:
    """The response to *raw*, by its Content-Length; what has come of it if the connection ends."""
    sock.sendall(raw)
    return answer(sock)


def answer(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
    while len(body) < length:
        piece = sock.recv(65536)
        if not piece:
            break
        body += piece
    return head + b"\r\n\r\n" + body


def reset(sock: socket.socket) -> None:
    """Close with RST: what a client that is gone looks like."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def raise_limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Report:
    """Prints each figure beside its bound; `status` is the exit code."""

    def __init__(self) -> None:
        self.status = 0

    def __call__(self, text: str, holds: bool) -> None:
        print(f"{'ok  ' if holds else 'FAIL'} {text}", flush=True)
        if not holds:
            self.status = 1


def main(options: dict[str, Any]) -> None:
    import logging

    from waterspout.httpserver import HTTPServer
    from waterspout.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest, ResponseStartLine
    from waterspout.iostream import StreamClosedError
    from waterspout.netutil import bind_sockets

    logging.basicConfig(level=logging.WARNING)

    def respond(connection: Any, body: bytes) -> None:
        headers = HTTPHeaders({"Content-Length": str(len(body))})
        connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), headers, body)
        connection.finish()

    class Sink(HTTPMessageDelegate):
        def __init__(self, connection: Any) -> None:
            self.connection = connection
            self.length = 0

        def data_received(self, chunk: bytes) -> None:
            self.length += len(chunk)

        def finish(self) -> None:
            respond(self.connection, b"%d" % self.length)

    async def flow(connection: Any) -> None:
        headers = HTTPHeaders({"Content-Length": str(FLOW)})
        with contextlib.suppress(StreamClosedError):
            await connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), headers)
            for _ in range(FLOW // 65536):
                await connection.write(bytes(65536))
            connection.finish()

    class Application:
        def __init__(self) -> None:
            self.tasks: set[asyncio.Task[None]] = set()

        def open_request(self, request: HTTPServerRequest) -> HTTPMessageDelegate | None:
            return Sink(request.connection) if request.path == "/sink" else None

        def serve_request(self, request: HTTPServerRequest) -> None:
            if request.path == "/flow":
                task = asyncio.get_running_loop().create_task(flow(request.connection))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            else:
                respond(request.connection, b"%d" % len(request.body) if request.body else b"ok")

    async def serve() -> None:
        server = HTTPServer(Application(), **options)
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        print(sock.getsockname()[1], flush=True)
        await asyncio.Event().wait()

    from waterspout.ioloop import new_event_loop

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve())


Drill = Callable[[Report], None]


def run(drill: Drill) -> None:
    """Run *drill* and exit with its verdict."""
    report = Report()
    began = time.monotonic()
    drill(report)
    print(f"     {time.monotonic() - began:.1f} s")
    sys.exit(report.status)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})
