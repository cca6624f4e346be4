"""100,000 requests with something wrong: the server lives, its memory stays flat, and it never answers 500."""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from drilling import Report, ask, connect, run, served
from fuzz import requests

COUNT, WARM_UP = 100_000, 20_000


def mutate(address: tuple[str, int], chance: random.Random, count: int, seen: Counter[bytes]) -> None:
    """Send broken requests, several to a connection where it stays open, whole or in two pieces."""
    sent = 0
    while sent < count:
        sock = connect(address, 10)
        try:
            for _ in range(20):
                raw = requests(chance.randbytes(96)) or b"x"
                sent += 1
                if chance.random() < 0.3:
                    at = chance.randrange(len(raw))
                    sock.sendall(raw[:at])
                    raw = raw[at:]
                sock.sendall(raw)
                sock.settimeout(0.0005)
                data = sock.recv(65536)
                seen[data[9:12]] += 1
                if not data or b"close" in data:
                    break
        except TimeoutError:
            seen[b"waiting"] += 1
        except OSError:
            seen[b"closed"] += 1
        finally:
            sock.close()


def drill(report: Report) -> None:
    chance = random.Random(1)
    seen: Counter[bytes] = Counter()
    with served() as server:
        with connect(server.address) as sock:
            assert ask(sock).endswith(b"ok")
        base = server.descriptors()
        mutate(server.address, chance, WARM_UP, seen)
        server.settled(base)
        before = server.memory()
        mutate(server.address, chance, COUNT - WARM_UP, seen)
        left = server.settled(base)
        grown = server.memory() - before
        told = ", ".join(f"{key.decode() or 'closed'} {count}" for key, count in seen.most_common())
        report(
            f"alive after {COUNT} broken requests: {told}",
            server.alive() and ask(connect(server.address)).endswith(b"ok"),
        )
        report(f"memory grew by {grown / 1024:.0f} KiB from the {WARM_UP}th to the last (at most 1024)",
               grown <= 1024 * 1024)  # fmt: skip
        report(f"descriptors: {base} before, {left} after", left <= base + 1)
        report("no 500", not any(status.startswith(b"5") and status not in (b"505", b"501") for status in seen))
        log = server.stop()
        report(f"no traceback in {len(log.splitlines())} lines of its log", "Traceback" not in log)


if __name__ == "__main__":
    run(drill)
