"""A file of 1 GB for a client that reads as fast as it can: how long does nobody else get the loop, and what memory?

The server's process (``drill_large_file.py serve FOLDER``) asks its loop for a turn every millisecond and notes by how
much each came late, in time as a clock shows it. What it had to wait for a processor meanwhile
(``/proc/self/schedstat``) is no fault of the loop's and is taken off; both are printed, and beside them how late the
turns of an idle loop came meanwhile, in a process that does nothing else (``drill_large_file.py idle``): what the
machine does to any loop. The file is sent from the page cache, then from the disk, then from the cache over TLS (1/8 of
it, since there every byte is encrypted here).

Bounds: no turn more than 10 ms late (or, where the machine itself is worse, than the idle loop's latest), and memory
that does not grow by more than 5 MiB.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from drilling import Report, connect, run

SIZE = 1_000_000_000
MOST_LAG = 0.010
MOST_MEMORY = 5 * 1024 * 1024


def waited() -> float:
    """Seconds that this thread has waited for a processor."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def memory() -> int:
    """Bytes of memory that are the process's own."""
    fields = Path("/proc/self/statm").read_text().split()
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")


async def watch(late: list[tuple[float, float]]) -> None:
    """Ask for a turn every millisecond; note how late each comes, and how long this thread waited for a processor."""
    loop = asyncio.get_running_loop()
    while True:
        due, queued = loop.time() + 0.001, waited()
        await asyncio.sleep(0.001)
        late.append((loop.time() - due, waited() - queued))


async def idle() -> None:
    """For each line on standard input, the seconds that the latest turn since the line before came late."""
    late: list[tuple[float, float]] = []
    ended = asyncio.Event()

    def asked() -> None:
        if not sys.stdin.readline():
            ended.set()
            return
        print(max((wall for wall, _ in late), default=0.0), flush=True)
        late.clear()

    asyncio.get_running_loop().add_reader(sys.stdin, asked)
    watching = asyncio.create_task(watch(late))
    await ended.wait()
    watching.cancel()


class Idle:
    """The process of `idle`."""

    def __init__(self) -> None:
        command = [sys.executable, __file__, "idle"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def latest(self) -> float:
        """How late (seconds) its latest turn came since it was asked last."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def stop(self) -> None:
        self.process.communicate(timeout=30)


async def serve(folder: str) -> None:
    from waterspout.testing import AsyncHTTPSTestCase
    from waterspout.web import Application, RequestHandler, StaticFileHandler

    late: list[tuple[float, float]] = []
    before = memory()

    class Begin(RequestHandler):
        def get(self) -> None:
            nonlocal before
            late.clear()
            before = memory()

    class Figures(RequestHandler):
        def get(self) -> None:
            self.write({
                "turns": len(late), "late": max(wall for wall, _ in late),
                "own": max(wall - queued for wall, queued in late), "memory": memory() - before,
            })  # fmt: skip

    class Large(StaticFileHandler):
        MAX_VERSION_CONTENT_SIZE = 1024 * 1024

    application = Application([("/begin", Begin), ("/figures", Figures), ("/s/(.*)", Large, {"path": folder})])
    plain = application.listen(0, "127.0.0.1")
    case = AsyncHTTPSTestCase()
    encrypted = application.listen(0, "127.0.0.1", ssl_options=case.get_ssl_options())
    ports = [next(iter(server._sockets.values())).getsockname()[1] for server in (plain, encrypted)]
    print(json.dumps(ports), flush=True)
    watching = asyncio.create_task(watch(late))
    await asyncio.Event().wait()
    watching.cancel()


def read(address: tuple[str, int], path: str, context: ssl.SSLContext | None = None) -> bytes:
    """The last 4,096 bytes of the answer to *path*, all of which is read."""
    sock = connect(address)
    if context is not None:
        sock = context.wrap_socket(sock)
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    buffer = bytearray(1 << 20)
    last = b""
    while count := sock.recv_into(buffer):
        last = (last + buffer[:count])[-4096:] if count < 4096 else bytes(buffer[count - 4096 : count])
    sock.close()
    return last


def drill(report: Report) -> None:
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    with tempfile.TemporaryDirectory(dir=os.environ.get("DRILL_FOLDER")) as folder:
        piece = os.urandom(1 << 20)
        for name, size in (("large", SIZE), ("eighth", SIZE // 8)):
            with open(Path(folder, name), "wb") as file:
                for _ in range(size // len(piece)):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        server = subprocess.Popen(
            [sys.executable, __file__, "serve", folder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        other = Idle()
        try:
            assert server.stdout is not None
            plain, encrypted = (("127.0.0.1", port) for port in json.loads(server.stdout.readline()))
            read(plain, "/s/eighth")  # what is loaded once is loaded
            read(encrypted, "/s/eighth", unchecked)
            for where in ("the page cache", "the disk", "the page cache, over TLS"):
                name = "eighth" if "TLS" in where else "large"
                if where == "the disk":
                    with open(Path(folder, name), "rb") as file:
                        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                read(plain, "/begin")
                other.latest()
                if "TLS" in where:
                    last = read(encrypted, f"/s/{name}", unchecked)
                else:
                    last = read(plain, f"/s/{name}")
                beside = other.latest()
                figures = json.loads(read(plain, "/figures").rpartition(b"\r\n\r\n")[2])
                small = figures["own"] < max(MOST_LAG, beside) and figures["memory"] < MOST_MEMORY
                report(
                    f"from {where}: the latest of {figures['turns']} turns came {1e3 * figures['late']:.1f} ms late,"
                    f" {1e3 * figures['own']:.1f} ms without what it waited for a processor"
                    f" ({1e3 * beside:.1f} ms in an idle process meanwhile); memory"
                    f" {figures['memory'] / 1024:+.0f} KiB",
                    small and last == piece[-4096:],
                )
        finally:
            other.stop()
            server.terminate()
            server.wait(30)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(sys.argv[2]))
    elif sys.argv[1:2] == ["idle"]:
        asyncio.run(idle())
    else:
        run(drill)
