"""Client CPU a request, side by side: Waterspout's clients, Tornado's, aiohttp, httpx, niquests, bare pycurl.

``python loadtest/bench.py client`` starts an nginx on the second core and fetches from it by one client after the
other on the first, each in a process of its own. It prints for each row the **CPU microseconds a request** of the
client's process (its threads included), requests a second (for downloads: MB a second, and by how many KiB memory
grew after the first), and the ratio to Tornado's SimpleAsyncHTTPClient. Every figure is the median of the rounds with
its lowest and highest; in each round every client runs once. All of them run on asyncio's loop, check certificates,
and have their answers checked; a wrong one ends the bench. Under 1.1x is a tie.

The row ``script`` is another measure: milliseconds from the start of an interpreter to the end of a script with one
GET, in environments that hold nothing but the client's own distribution and what it requires. Waterspout and Tornado
run one with their HTTPClient, and one with AsyncHTTPClient.

``--check`` makes the bounds below the exit code.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench_client_contestants import CONTESTANTS
from bench_client_nginx import Server, nginx
from bench_client_rows import ROWS
from bench_client_scripts import SCRIPTS, Environments, time_script
from target import HERE, environment

SCRIPT = "script"
DEFAULT_ROWS = ["sequential", "concurrent", "tls-sequential", "tls", "h2", "download", "upload"]
#: KiB by which a streamed download may let memory grow: a few receive buffers.
FLAT_KIB = 4096


@dataclass(slots=True)
class Measured:
    """The rounds of one client in one row: CPU microseconds, rate, KiB grown; milliseconds for scripts."""

    cost: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    grown: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.cost)


@dataclass(frozen=True, slots=True)
class Bound:
    """In *row*, *ours* costs at most *factor* of *theirs*; with `rate`, it is at least *factor* times as fast."""

    row: str
    ours: str
    theirs: str
    factor: float
    rate: bool = False


BOUNDS = (
    Bound("concurrent", "waterspout", "aiohttp", 0.7),
    Bound("concurrent", "waterspout", "tornado", 1 / 8),
    Bound("sequential", "waterspout", "aiohttp", 1.0),
    Bound("tls", "waterspout", "aiohttp", 1.0),
    Bound("tls", "waterspout", "tornado", 1 / 12),
    Bound("download", "waterspout", "aiohttp", 1.0, rate=True),
    Bound("concurrent", "waterspout-httpx", "httpx", 1 / 10),
    Bound("concurrent", "waterspout-curl", "pycurl", 3.0),
    Bound(SCRIPT, "waterspout", "tornado", 0.5),
    Bound(SCRIPT, "waterspout", "tornado-async", 0.5),
)


class ClientBench:
    """Runs the rounds and keeps what was measured."""

    def __init__(self, options: argparse.Namespace, clients: list[str], server: Server, cpu: int | None) -> None:
        self.options = options
        self.clients = clients
        self.server = server
        self.cpu = cpu
        self.results: dict[tuple[str, str], Measured] = {}

    def round(self, environments: Environments | None) -> None:
        for row in self.options.rows:
            if row == SCRIPT:
                assert environments is not None
                for name in environments.names:
                    took = time_script(name, environments.python(name), self.server.url("/small"), self.cpu)
                    self._of(row, name).cost.append(took)
                continue
            for name in self.clients:
                taking_part = ROWS[row].clients
                if (name in taking_part) if taking_part is not None else name != "waterspout-h2":
                    self._measure(row, name)

    def _measure(self, row: str, name: str) -> None:
        url = self.server.url(ROWS[row].path, ROWS[row].how)
        options = self.options
        command = [options.python, str(HERE / "bench_client_rows.py"), name, row, url, self.server.certificate]
        command += [str(options.seconds), options.loop]
        env = environment(CONTESTANTS[name].modules[0], options.python)
        env["SSL_CERT_FILE"] = self.server.certificate
        cpu = self.cpu
        pin = (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None
        ended = subprocess.run(command, capture_output=True, text=True, env=env, preexec_fn=pin, timeout=120)
        if ended.returncode:
            raise RuntimeError(f"{name} failed in row {row}: {ended.stderr.strip()[-2000:]}")
        figures = json.loads(ended.stdout.splitlines()[-1])
        measured = self._of(row, name)
        measured.cost.append(figures["cpu_us"])
        measured.rate.append(figures["rate"])
        if "grown_kib" in figures:
            measured.grown.append(figures["grown_kib"])

    def _of(self, row: str, name: str) -> Measured:
        return self.results.setdefault((row, name), Measured())

    def table(self) -> str:
        lines = []
        for row in self.options.rows:
            unit = "ms" if row == SCRIPT else "CPU us/request"
            rate = "" if row == SCRIPT else "MB/s" if ROWS[row].is_download else "requests/s"
            lines += ["", row, f"  {'client':18}{unit:>16}{'(low-high)':>19}{rate:>12}{'of Tornado':>12}"]
            found = [(name, measured) for (where, name), measured in self.results.items() if where == row]
            for name, measured in sorted(found, key=lambda pair: pair[1].median):
                lines.append(self._line(row, name, measured))
        return "\n".join(lines[1:])

    def _line(self, row: str, name: str, measured: Measured) -> str:
        tornado = self.results.get((row, "tornado"))
        spread = f"({min(measured.cost):,.1f}-{max(measured.cost):,.1f})"
        ratio = f"1/{tornado.median / measured.median:.2f}" if tornado else ""
        rate = f"{statistics.median(measured.rate):,.0f}" if measured.rate else ""
        grown = f"  +{statistics.median(measured.grown):,.0f} KiB" if measured.grown else ""
        return f"  {name:18}{measured.median:16,.1f}{spread:>19}{rate:>12}{ratio:>12}{grown}"

    def failures(self) -> list[str]:
        """What breaks the bounds of the rows that were asked for, one line each."""
        broken = []
        for bound in BOUNDS:
            if bound.row not in self.options.rows:
                continue
            ours, theirs = (self.results.get((bound.row, name)) for name in (bound.ours, bound.theirs))
            if ours is None or theirs is None:
                broken.append(f"{bound.row}: {bound.ours if ours is None else bound.theirs} was not measured")
            elif bound.rate:
                mine, other = statistics.median(ours.rate), statistics.median(theirs.rate)
                if mine < other * bound.factor:
                    broken.append(f"{bound.row}: {bound.ours} {mine:,.0f}, {bound.theirs} {other:,.0f}")
            elif ours.median > theirs.median * bound.factor:
                broken.append(
                    f"{bound.row}: {bound.ours} {ours.median:.1f}, {bound.theirs} {theirs.median:.1f},"
                    f" which allows {theirs.median * bound.factor:.1f}"
                )
        for (row, name), measured in self.results.items():
            if name.startswith("waterspout") and measured.grown and statistics.median(measured.grown) > FLAT_KIB:
                broken.append(f"{row}: {name} grew by {statistics.median(measured.grown):,.0f} KiB")
        return broken

    def as_json(self) -> str:
        cells = [
            {"row": row, "client": name, "cost": found.cost, "rate": found.rate, "grown_kib": found.grown}
            for (row, name), found in sorted(self.results.items())
        ]
        return json.dumps({"python": sys.version, "loop": self.options.loop, "cells": cells}, indent=1)


def _names(known: list[str]) -> Callable[[str], list[str]]:
    def convert(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown {', '.join(unknown)}: choose from {', '.join(known)}")
        return names

    return convert


def options_from(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.py client", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    rows = [*ROWS, SCRIPT]
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of load a client, row and round")
    parser.add_argument("--rows", type=_names(rows), default=DEFAULT_ROWS, help="comma separated: " + ", ".join(rows))
    parser.add_argument(
        "--clients", type=_names(list(CONTESTANTS)), default=list(CONTESTANTS), help=", ".join(CONTESTANTS)
    )
    parser.add_argument("--loop", choices=("asyncio", "uvloop", "own"), default="asyncio")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that runs the clients")
    parser.add_argument(
        "--environments", type=Path, metavar="DIR", help="row script: keep its environments in DIR, use what is there"
    )
    parser.add_argument(
        "--dist", type=Path, default=HERE.parent / "dist", help="row script: the folder of Waterspout's built wheels"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bound is broken")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures to FILE")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds starts at 1, --seconds is positive")
    return options


def main(arguments: list[str]) -> int:
    """Run the bench with the *arguments* that follow ``client``; returns the exit code."""
    options = options_from(arguments)
    clients = []
    for name in options.clients:
        try:
            for module in CONTESTANTS[name].modules:
                environment(module, options.python)
        except LookupError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
        else:
            clients.append(name)
    cores = sorted(os.sched_getaffinity(0))
    client_cpu, server_cpu = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
    if len(cores) < 2:
        print("only one core: the client and nginx share it, the rates say nothing", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="bench-client-") as folder:
        environments = None
        if SCRIPT in options.rows:
            names = [name for name in SCRIPTS if name.removesuffix("-async") in options.clients]
            environments = Environments(
                options.environments or Path(folder) / "environments", options.python, options.dist, names
            )
        with nginx(Path(folder), server_cpu) as server:
            bench = ClientBench(options, clients, server, client_cpu)
            for number in range(options.rounds):
                bench.round(environments)
                print(f"round {number + 1} of {options.rounds} done", file=sys.stderr)
    print(bench.table())
    if options.json:
        options.json.write_text(bench.as_json())
    if not options.check:
        return 0
    broken = bench.failures()
    print("\nbounds: " + ("all hold" if not broken else f"{len(broken)} broken"), *broken, sep="\n  ")
    return 1 if broken else 0
