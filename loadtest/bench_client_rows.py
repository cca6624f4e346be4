"""The measured process of ``bench.py client``: one client, one row, one figure.

``python bench_client_rows.py CLIENT ROW URL CERTIFICATE SECONDS LOOP`` prints a line of JSON: the CPU microseconds
that this process used for a request, user and system time of all its threads; how many requests or megabytes it made
in a second; and for downloads by how many KiB its memory grew beyond what the first had needed. Importing, making the
client, connecting and the first requests are not in the figures. A wrong answer is an error.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from bench_client_contestants import CONCURRENT, CONTESTANTS, BareCurl, Contestant
from bench_client_nginx import LARGE_SIZE, SMALL

UPLOAD = os.urandom(1024 * 1024)
#: Requests before the measured ones: connections are made, code is warm.
WARM = 200


@dataclass(frozen=True, slots=True)
class Row:
    """What is asked for: the path, how (see `Server.url`), by how many at once; who takes part (None: all)."""

    path: str
    how: str = "clear"
    at_once: int = 1
    body: bytes | None = None
    warm: int = WARM
    clients: frozenset[str] | None = None

    @property
    def is_download(self) -> bool:
        return self.path == "/large"


ROWS = {
    "sequential": Row("/small"),
    "concurrent": Row("/small", at_once=CONCURRENT),
    "tls-sequential": Row("/small", "tls"),
    "tls": Row("/small", "tls", CONCURRENT),
    "h2": Row("/small", "h2", CONCURRENT, clients=frozenset({"waterspout-h2", "niquests", "pycurl"})),
    "download": Row("/large", warm=1),
    "tls-download": Row("/large", "tls", warm=1),
    "upload": Row("/upload", body=UPLOAD, warm=4),
}


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_kib() -> int:
    """The most memory that the process has had resident since the last call, in KiB."""
    with open("/proc/self/status") as file:
        found = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return found


class Until:
    """Says whether another request is wanted: a number of them first, then as many as fit in some seconds."""

    def __init__(self, count: int = 0, seconds: float = 0.0) -> None:
        self.left = count
        self.end = monotonic() + seconds

    def __call__(self) -> bool:
        self.left -= 1
        return self.left >= 0 or monotonic() < self.end


async def _worker(contestant: Contestant, row: Row, url: str, wanted: Callable[[], bool]) -> int:
    done = 0
    while True:
        if row.is_download:
            size = await contestant.download(url)
            if size != LARGE_SIZE:
                raise ValueError(f"{url}: {size} bytes")
        else:
            got = await (contestant.get(url) if row.body is None else contestant.post(url, row.body))
            if got != SMALL:
                raise ValueError(f"{url}: {got!r:.80}")
        done += 1
        if not wanted():
            return done


async def _run(contestant: Contestant, row: Row, url: str, wanted: Callable[[], bool]) -> int:
    return sum(await asyncio.gather(*(_worker(contestant, row, url, wanted) for _ in range(row.at_once))))


async def measure(contestant: Contestant, row: Row, url: str, seconds: float) -> dict[str, float]:
    await contestant.open()
    await _run(contestant, row, url, Until(row.warm))
    before = peak_kib() if row.is_download else 0
    cpu, begun = cpu_seconds(), monotonic()
    count = await _run(contestant, row, url, Until(seconds=seconds))
    figures = _figures(row, cpu_seconds() - cpu, monotonic() - begun, count)
    if row.is_download:
        figures["grown_kib"] = max(0, peak_kib() - before)
    await contestant.close()
    return figures


def measure_bare_curl(curl: BareCurl, row: Row, url: str, seconds: float) -> dict[str, float]:
    expected = LARGE_SIZE if row.is_download else SMALL
    curl.run(url, row.at_once, Until(row.warm), expected, row.body)
    before = peak_kib() if row.is_download else 0
    cpu, begun = cpu_seconds(), monotonic()
    count = curl.run(url, row.at_once, Until(seconds=seconds), expected, row.body)
    figures = _figures(row, cpu_seconds() - cpu, monotonic() - begun, count)
    if row.is_download:
        figures["grown_kib"] = max(0, peak_kib() - before)
    return figures


def _figures(row: Row, cpu: float, elapsed: float, count: int) -> dict[str, float]:
    rate = count / elapsed
    return {"cpu_us": cpu * 1e6 / count, "rate": rate * LARGE_SIZE / 1e6 if row.is_download else rate}


def main() -> None:
    name, row_name, url, certificate, seconds, loop = sys.argv[1:]
    row, made = ROWS[row_name], CONTESTANTS[name](certificate)
    if isinstance(made, BareCurl):
        print(json.dumps(measure_bare_curl(made, row, url, float(seconds))))
        return
    factory = None
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    elif loop == "own":
        from waterspout.ioloop import new_event_loop

        factory = new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        print(json.dumps(runner.run(measure(made, row, url, float(seconds)))))


if __name__ == "__main__":
    main()
