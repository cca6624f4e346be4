"""10,000 clients that vanish: half of them inside their body, half inside the response. Nothing of them stays."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from drilling import Report, Served, ask, connect, raise_limit, reset, run, served

COUNT, WARM_UP = 10_000, 2_000
BODY = b"POST /%b HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 5000
CHUNKED = b"POST /%b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n" + b"x" * 100
FLOW = b"GET /flow HTTP/1.1\r\nHost: a\r\n\r\n"


def vanish(address: tuple[str, int], count: int) -> None:
    for number in range(count):
        sock = connect(address)
        kind = number % 6
        if kind in (0, 1):
            sock.sendall(BODY % (b"echo", b"sink")[kind])
        elif kind == 2:
            sock.sendall(CHUNKED % b"sink")
        else:
            sock.sendall(FLOW)
            sock.recv(20_000)
        if number % 2:
            reset(sock)
        else:
            sock.close()


def lowest(server: Served, base: int) -> int:
    """The least of its memory over some more of them: what is merely free at the moment comes and goes."""
    seen = []
    for _ in range(8):
        vanish(server.address, 60)
        server.settled(base)
        seen.append(server.memory())
    return min(seen)


def drill(report: Report) -> None:
    raise_limit()
    with served() as server:
        first = connect(server.address)
        assert ask(first).endswith(b"ok")
        base = server.descriptors()
        vanish(server.address, WARM_UP)
        server.settled(base)
        before = lowest(server, base)
        vanish(server.address, COUNT - WARM_UP)
        left = server.settled(base)
        grown = lowest(server, base) - before
        report(f"descriptors: {base} before, {left} after {COUNT} disconnects", left == base)
        report(f"memory grew by {grown / 1024:.0f} KiB from the {WARM_UP}th to the last (at most 1024)",
               grown <= 1024 * 1024)  # fmt: skip
        report("the server serves", server.alive() and ask(first).endswith(b"ok"))
        log = server.stop()
        report(f"its log has {len(log.splitlines())} lines of warnings or errors", not log)


if __name__ == "__main__":
    run(drill)
