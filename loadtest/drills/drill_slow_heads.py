"""2,000 clients that send their head byte by byte, while an ordinary one is served.

Its p99 at most doubles, and the slow ones are cut off at the deadline for heads (30 s), with 408.
"""

from __future__ import annotations

import multiprocessing
import selectors
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from drilling import Report, ask, connect, quantile, raise_limit, run, served

CROWD = 2000
DEADLINE = 30.0
#: Below this (seconds) a p99 says more of the drill than of the server: the crowd sends a hundred bytes at a time, and
#: server, crowd and ordinary client may share two processors, as on a small machine for continuous integration.
NOISE = 0.005


def dribble(address: tuple[str, int], results: Any) -> None:
    """The slow clients: a byte each about every two seconds; reports when each was closed, and with what."""
    raise_limit()
    selector = selectors.DefaultSelector()
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100
    began = time.monotonic()
    opened: dict[Any, float] = {}
    for _ in range(CROWD):
        sock = connect(address)
        sock.setblocking(False)
        sock.send(head[:20])
        opened[sock] = time.monotonic()
        selector.register(sock, selectors.EVENT_READ)
    results.put(("opened", time.monotonic() - began))
    ended: list[float] = []
    statuses: set[bytes] = set()
    position, turn = 20, list(opened)
    while opened and time.monotonic() - began < 2 * DEADLINE:
        some, turn = turn[:100], turn[100:]
        for sock in some:
            if sock in opened:
                try:
                    sock.send(head[position : position + 1])
                except OSError:
                    pass
        if not turn:
            turn = list(opened)
            position = min(position + 1, len(head) - 1)
        for key, _ in selector.select(0.1):
            sock = key.fileobj
            try:
                data = sock.recv(4096)  # type: ignore[union-attr]
            except OSError:
                data = b""
            statuses.add(data[9:12])
            ended.append(time.monotonic() - opened.pop(sock))
            selector.unregister(sock)
            sock.close()  # type: ignore[union-attr]
    results.put(("ended", (ended, statuses)))


def times(sock: Any, seconds: float) -> list[float]:
    """How long requests take that are sent one after the other."""
    found = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        assert ask(sock).endswith(b"ok")
        found.append(time.perf_counter() - began)
        time.sleep(0.002)
    return found


def drill(report: Report) -> None:
    with served() as server:
        sock = connect(server.address)
        times(sock, 1)
        before = quantile(times(sock, 6), 0.99)
        results: Any = multiprocessing.Queue()
        crowd = multiprocessing.Process(target=dribble, args=(server.address, results))
        crowd.start()
        _, seconds = results.get(timeout=60)
        during = quantile(times(sock, 12), 0.99)
        report(f"p99 of the ordinary client: {1000 * before:.2f} ms alone, {1000 * during:.2f} ms beside {CROWD} slow"
               f" heads (at most doubled, or below {1000 * NOISE:.0f} ms)",
               during <= max(2 * before, NOISE))  # fmt: skip
        _, (ended, statuses) = results.get(timeout=3 * DEADLINE)
        crowd.join(30)
        report(f"{len(ended)} of {CROWD} slow ones were cut off, after {min(ended):.1f} to {max(ended):.1f} s"
               f" (deadline {DEADLINE:g} s, opened within {seconds:.1f} s)",
               len(ended) == CROWD and DEADLINE - 1 <= min(ended) and max(ended) <= DEADLINE + 5)  # fmt: skip
        report(f"they were told {sorted(statuses)}", statuses == {b"408"})
        report("the ordinary client is still served", ask(sock).endswith(b"ok"))


if __name__ == "__main__":
    run(drill)
