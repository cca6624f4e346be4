"""10,000 idle keep-alive connections: at most 3 KiB of the server's memory each."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from drilling import Report, ask, connect, raise_limit, run, served

COUNT, MOST = 10_000, 3 * 1024


def drill(report: Report) -> None:
    raise_limit()
    with served() as server:
        for _ in range(50):  # what is made once
            with connect(server.address) as sock:
                ask(sock)
        base = server.descriptors()
        time.sleep(0.5)
        before = server.memory()
        crowd = [connect(server.address) for _ in range(COUNT)]
        answered = sum(ask(sock).endswith(b"ok") for sock in crowd)
        time.sleep(1)
        each = (server.memory() - before) / COUNT
        report(f"{answered} of {COUNT} connections are served and kept", answered == COUNT)
        report(f"{each:.0f} bytes of memory each (at most {MOST})", each <= MOST)
        for sock in crowd:
            sock.close()
        left = server.settled(base)
        report(f"descriptors: {base} before, {left} after they have left", left <= base)


if __name__ == "__main__":
    run(drill)
