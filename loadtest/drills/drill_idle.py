"""10,000 idle keep-alive connections: at most 3 KiB of the server's memory each."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from drilling import GET, Report, ask, connect, raise_limit, run, served

COUNT, MOST = 10_000, 3 * 1024
#: What a browser sends, with a site's cookies: the server keeps some of it for the next request.
BROWSER = GET.removesuffix(b"\r\n") + b"".join(
    b"%s: %s\r\n" % (name, value * times)
    for name, value, times in (
        (b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64) ", 4),
        (b"Accept", b"text/html,application/xhtml+xml,", 4),
        (b"Sec-Fetch-Site", b"same-origin", 1),
        (b"Accept-Encoding", b"gzip, deflate, br, zstd", 1),
        (b"Cookie", b"session=0123456789abcdef; ", 60),
    )
) + b"\r\n"  # fmt: skip


def drill(report: Report) -> None:
    raise_limit()
    for name, request in (("a short head", GET), ("a browser's", BROWSER)):
        crowd(report, name, request)


def crowd(report: Report, name: str, request: bytes) -> None:
    with served() as server:
        for _ in range(50):  # what is made once
            with connect(server.address) as sock:
                ask(sock)
        base = server.descriptors()
        time.sleep(0.5)
        before = server.memory()
        clients = [connect(server.address) for _ in range(COUNT)]
        for _ in range(2):
            answered = sum(ask(sock, request).endswith(b"ok") for sock in clients)
        time.sleep(1)
        each = (server.memory() - before) / COUNT
        report(f"{answered} of {COUNT} connections are served and kept: {name}", answered == COUNT)
        report(f"{each:.0f} bytes of memory each (at most {MOST})", each <= MOST)
        for sock in clients:
            sock.close()
        left = server.settled(base)
        report(f"descriptors: {base} before, {left} after they have left", left <= base)


if __name__ == "__main__":
    run(drill)
