"""Running out of descriptors, and getting over it: once with the cap that follows from their limit, once without."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from drilling import GET, Report, ask, connect, raise_limit, run, served

LIMIT = 256


def drill(report: Report) -> None:
    raise_limit()
    with served(LIMIT) as server:
        base = server.descriptors()
        first = connect(server.address)
        assert ask(first).endswith(b"ok")
        crowd = [connect(server.address) for _ in range(2 * LIMIT)]
        statuses = [ask(sock)[9:12] for sock in crowd]
        let_in = statuses.count(b"200")
        report(f"of {len(crowd)} clients {let_in} are served and {statuses.count(b'503')} get 503, {LIMIT} descriptors",
               let_in == int(LIMIT * 0.8) - 1 and let_in + statuses.count(b"503") == len(crowd))  # fmt: skip
        report("who was there before is served", ask(first).endswith(b"ok"))
        for sock in crowd:
            sock.close()
        left = server.settled(base + 1)
        report(f"descriptors afterwards: {left} ({base} before, one client)", left == base + 1)
        report("a new client is served", ask(connect(server.address)).endswith(b"ok"))
    with served(LIMIT, max_connections=100_000) as server:
        base = server.descriptors()
        first = connect(server.address)
        assert ask(first).endswith(b"ok")
        crowd = [connect(server.address) for _ in range(2 * LIMIT)]
        for sock in crowd:
            sock.sendall(GET)
        time.sleep(3)
        report(f"without a cap the process has {server.descriptors()} of {LIMIT} descriptors, and goes on",
               server.alive() and ask(first).endswith(b"ok"))  # fmt: skip
        for sock in crowd:
            sock.close()
        left = server.settled(base + 1)
        began = time.monotonic()
        served_again = ask(connect(server.address)).endswith(b"ok")
        report(f"a new client is served {time.monotonic() - began:.1f} s after they have left", served_again)
        report(f"descriptors afterwards: {left} ({base} before)", left <= base + 2)
        lines = server.stop().splitlines()
        report(f"the log has {len(lines)} lines about it", 0 < len(lines) <= 30)


if __name__ == "__main__":
    run(drill)
