"""Bodies beyond the limit: 3 GB declared get 413 at once, chunked ones at the limit, and neither costs memory."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from drilling import Report, answer, ask, connect, run, served

MOST = 5 * 1024 * 1024
CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"


def upload(address: tuple[str, int], path: bytes, most: int) -> tuple[bytes, int]:
    """Send chunks until the server answers; its status, and how much of the body it took."""
    sock = connect(address)
    sock.sendall(b"POST %b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" % path)
    sent = 0
    try:
        sock.settimeout(0.05)
        while sent < most:
            sock.sendall(CHUNK)
            sent += 65536
            if sent % (1024 * 1024) == 0 or sent > most - 1024 * 1024:
                sock.setblocking(False)
                try:
                    if sock.recv(1, 2):  # MSG_PEEK
                        break
                except BlockingIOError:
                    pass
                sock.settimeout(30)
    except OSError:
        pass
    sock.settimeout(30)
    return answer(sock)[9:12], sent


def drill(report: Report) -> None:
    with served() as server:
        first = connect(server.address)
        assert ask(first).endswith(b"ok")
        before = server.memory()
        for path in (b"/echo", b"/sink"):
            for expect in (b"", b"Expect: 100-continue\r\n"):
                sock = connect(server.address)
                began = time.monotonic()
                head = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000000\r\n%b\r\n" % (path, expect)
                status = ask(sock, head)[9:12]
                seconds = time.monotonic() - began
                report(f"3 GB declared for {path.decode()}{' with Expect' if expect else ''}: {status.decode()} after"
                       f" {1000 * seconds:.1f} ms", status == b"413" and seconds < 1)  # fmt: skip
                sock.close()
        grown = server.memory() - before
        report(f"memory grew by {grown / 1024:.0f} KiB (under {MOST // 1024})", grown < MOST)
        status, sent = upload(server.address, b"/sink", 200 * 1024 * 1024)
        grown = server.memory() - before
        report(f"chunked, taken piece by piece: {status.decode()} after {sent / 1e6:.0f} MB (limit 105), memory grew by"
               f" {grown / 1024:.0f} KiB", status == b"413" and 100e6 < sent < 112e6 and grown < MOST)  # fmt: skip
    with served(max_body_size=1024 * 1024) as server:
        assert ask(connect(server.address)).endswith(b"ok")
        before = server.memory()
        status, sent = upload(server.address, b"/echo", 50 * 1024 * 1024)
        grown = server.memory() - before
        report(f"chunked, collected, limit 1 MiB: {status.decode()} after {sent / 1e6:.1f} MB, memory grew by"
               f" {grown / 1024:.0f} KiB", status == b"413" and sent < 8e6 and grown < MOST)  # fmt: skip
        report("the server serves", ask(connect(server.address)).endswith(b"ok"))


if __name__ == "__main__":
    run(drill)
