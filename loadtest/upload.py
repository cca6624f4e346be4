"""A form with one large file, sent to a handler that reads its parts as they arrive: how much memory does that take?

``python loadtest/upload.py`` sends 2 GiB (``--gib N``) over loopback and prints the server's peak resident memory, that
must stay below ``--bound`` MiB (64), and its processor time. ``--keep memory`` throws the file away, ``disk`` spools it
(so the disk needs the room). Exit code 1 if the bound does not hold or the server has not counted every byte.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import time

BOUNDARY = "upload-boundary"
PIECE = 1024 * 1024


def serve(keep: str, size: int) -> None:
    """The server: prints its port, then for each form what it has read."""
    import asyncio

    from waterspout.web import Application, RequestHandler, read_request_body

    @read_request_body(max_body_size=size)
    class Upload(RequestHandler):
        async def post(self) -> None:
            found = {}
            async for part in self.parts():
                if part.filename is None:
                    await part.text()
                elif keep == "disk":
                    (await part.spool()).close()
                else:
                    await part.skip()
                found[part.name] = part.size
            usage = resource.getrusage(resource.RUSAGE_SELF)
            self.write({"sizes": found, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss * 1024})

    async def main() -> None:
        server = Application([("/", Upload)]).listen(0, "127.0.0.1")
        print(next(iter(server._sockets.values())).getsockname()[1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())


def head_of(name: str, filename: str | None) -> bytes:
    """The beginning of one part."""
    extra = f'; filename="{filename}"' if filename else ""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode()


def upload(port: int, size: int) -> dict[str, object]:
    """Send a form with a field and a file of *size* bytes; what the server says of it."""
    before = head_of("title", None) + b"large\r\n" + head_of("file", "large.bin")
    after = f"\r\n--{BOUNDARY}--\r\n".encode()
    head = (
        f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(before) + size + len(after)}\r\n\r\n"
    )
    piece = os.urandom(PIECE)
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(head.encode() + before)
        left = size
        while left:
            sock.sendall(piece if left >= PIECE else piece[:left])
            left -= min(left, PIECE)
        sock.sendall(after)
        answer = b""
        while b"}}" not in answer and b'"peak"' not in answer:
            data = sock.recv(65536)
            if not data:
                break
            answer += data
    found: dict[str, object] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--gib", type=float, default=2.0, help="size of the file")
    parser.add_argument("--bound", type=float, default=64.0, help="MiB that the server may have resident at its peak")
    parser.add_argument("--keep", choices=("memory", "disk"), default="memory")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.keep, options.serve)
        return 0
    size = int(options.gib * 2**30)
    command = [sys.executable, __file__, "--serve", str(size + PIECE), "--keep", options.keep]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            started = time.perf_counter()
            found = upload(port, size)
            seconds = time.perf_counter() - started
        finally:
            server.terminate()
    peak, cpu = float(str(found["peak"])) / 2**20, float(str(found["cpu"]))
    whole = found["sizes"] == {"title": 5, "file": size}
    print(
        f"{options.gib:g} GiB in {seconds:.1f} s, server: peak {peak:.1f} MiB (bound {options.bound:g}), {cpu:.1f} s of"
        f" processor time, {'every byte counted' if whole else f'WRONG SIZES {found}'}"
    )
    return 0 if whole and peak < options.bound else 1


if __name__ == "__main__":
    sys.exit(main())
