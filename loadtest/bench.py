"""Server CPU and requests a second, side by side: Waterspout, Tornado on the same handler source, and their peers.

``python loadtest/bench.py`` pins one server after the other to the first core, drives it with wrk from the second,
and prints for each row the **server CPU microseconds a request** (user and system time of the server's processes,
from /proc, over the requests that wrk counted), requests a second, and the ratio to Tornado on the same loop. Every
figure is the median of the rounds with its lowest and highest; in each round every server runs once, so that a noisy
minute hits all of them. Each is started anew in each round, asked for correct answers first, and a round with an
error of wrk's is not a measurement: the bench ends with the error. ``--unpinned`` leaves the placing of both to the
system, as where servers are deployed: one with threads of its own then uses further cores for them.

Rows are *varied* by default (query, cookie and referer differ from request to request; these rank) or *constant*.
Access logs are off, the collector runs as shipped. Under 1.1x is a tie. ``--check`` makes the bounds below the exit
code.

``python loadtest/bench.py client`` compares HTTP clients instead, see bench_client.py, and ``bench.py ws`` WebSocket
servers, see bench_ws.py.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench_rows import CONDITIONAL, ROWS, Exchange
from bench_servers import APPS, CONTENDERS, Contender, Running, has_uvloop, installed, started, write_static_file

CONNECTIONS = 64
# Where 64 at once would be a measure of memory: 64 MiB on their way.
CONNECTIONS_OF_ROW = {"upload": 8}
WARM_SECONDS = 1
LOOPS = {
    "asyncio": ("asyncio",),
    "uvloop": ("uvloop",),
    "own": ("own",),
    "both": ("asyncio", "uvloop"),
    "all": ("asyncio", "own", "uvloop"),
}
# At most this part of Tornado's CPU on the same loop, and less than every peer but in the rows of NO_PEERS.
OF_TORNADO = {
    "hello": 1 / 7,
    "async": 1 / 6,
    "browser": 1 / 7,
    "json": 1 / 7,
    "routes": 1 / 7,
    "form": 1 / 4,
    "304": 1 / 4,
    "close": 1 / 4,
    "template": 1 / 3,
    "static": 1 / 2,
    "stream": 1 / 2,
    "upload": 1 / 2,
}
NO_PEERS = ("stream",)
HEADER = f"  {'server':20}{'loop':9}{'CPU us/request':>16}{'(low-high)':>17}{'requests/s':>12}{'of Tornado':>12}"


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    row: str
    variety: str
    loop: str
    server: str


@dataclass(slots=True)
class Measured:
    """The rounds of one cell: CPU microseconds a request and requests a second."""

    cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.cpu)


class Bench:
    """Runs the rounds and keeps what was measured."""

    def __init__(self, options: argparse.Namespace, contenders: list[Contender], wrk: str) -> None:
        self.options = options
        self.contenders = contenders
        self.wrk = wrk
        self.results: dict[Cell, Measured] = {}
        cores = sorted(os.sched_getaffinity(0))
        pinned = len(cores) > 1 and not options.unpinned
        self.server_cpu, self.wrk_cpu = cores[:2] if pinned else (None, None)
        if len(cores) < 2:
            print("only one core: server and wrk share it, the requests a second say nothing", file=sys.stderr)

    def round(self) -> None:
        with tempfile.TemporaryDirectory(prefix="bench-static-") as folder:
            static_folder = Path(folder)
            write_static_file(static_folder)
            for contender in self.contenders:
                for loop in contender.loops:
                    # A server that brings its own loop is measured whichever loop was asked for.
                    if loop in self.options.loops or len(contender.loops) == 1:
                        with started(contender, loop, self.options.python, self.server_cpu, static_folder) as server:
                            self._measure_rows(server, contender, loop)

    def _measure_rows(self, server: Running, contender: Contender, loop: str) -> None:
        for row in self.options.rows:
            if contender.rows is not None and row not in contender.rows:
                continue
            for variety in self.options.varieties:
                validators = [server.validators()] if row in CONDITIONAL else []
                exchanges = ROWS[row](variety == "varied", *validators)
                self._probe(server, contender, row, exchanges)
                cell = Cell(row, variety, loop, contender.name)
                cpu, rate = self._measure(server, cell, exchanges)
                measured = self.results.setdefault(cell, Measured())
                measured.cpu.append(cpu)
                measured.rate.append(rate)

    def _probe(self, server: Running, contender: Contender, row: str, exchanges: list[Exchange]) -> None:
        for exchange in exchanges[:: max(1, len(exchanges) // 8)]:
            answer = server.ask(exchange.wire)
            if answer.status != exchange.status or not exchange.accepts(answer.body):
                raise ValueError(
                    f"{contender.name} answers the row {row} wrongly:"
                    f" {exchange.wire[:80]!r} got {answer.status} {answer.body[:80]!r}"
                )

    def _measure(self, server: Running, cell: Cell, exchanges: list[Exchange]) -> tuple[float, float]:
        with tempfile.NamedTemporaryFile(suffix=".requests") as file:
            for exchange in exchanges:
                file.write(b"%d\n%b" % (len(exchange.wire), exchange.wire))
            file.flush()
            self._drive(server, cell, file.name, WARM_SECONDS)
            before = server.cpu_seconds()
            counted = self._drive(server, cell, file.name, self.options.seconds)
            cpu = server.cpu_seconds() - before
        return cpu * 1e6 / counted["requests"], counted["requests"] * 1e6 / counted["microseconds"]

    def _drive(self, server: Running, cell: Cell, requests: str, seconds: int) -> dict[str, int]:
        cpu = self.wrk_cpu
        connections = CONNECTIONS_OF_ROW.get(cell.row, CONNECTIONS)
        command = [self.wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(APPS / "requests.lua")]
        command += [f"http://127.0.0.1:{server.port}/", "--", requests]
        pin = (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None
        ended = subprocess.run(command, capture_output=True, text=True, preexec_fn=pin)
        if ended.returncode:
            raise RuntimeError(f"wrk ended with {ended.returncode}: {ended.stderr.strip()}")
        counted: dict[str, int] = json.loads(ended.stdout.splitlines()[-1])
        errors = {name: counted[name] for name in ("connect", "read", "write", "status", "timeout") if counted[name]}
        if errors or not counted["requests"]:
            raise ValueError(
                f"{cell.server} on {cell.loop}, row {cell.row}:"
                f" wrk counted {counted['requests']} requests and the errors {errors}"
            )
        return counted

    def reference(self, cell: Cell, server: str) -> Measured | None:
        """What ``server`` measured in this row: on the same loop (asyncio for our own) or its only one."""
        loops = [cell.loop, "asyncio" if cell.loop == "own" else cell.loop]
        if len(CONTENDERS[server].loops) == 1:
            loops += CONTENDERS[server].loops
        return next(
            (found for loop in loops if (found := self.results.get(Cell(cell.row, cell.variety, loop, server)))), None
        )

    def table(self) -> str:
        lines = []
        for row in self.options.rows:
            for variety in self.options.varieties:
                lines += [
                    "",
                    f"{row}, {variety}",
                    HEADER,
                ]
                cells = [cell for cell in self.results if (cell.row, cell.variety) == (row, variety)]
                for cell in sorted(cells, key=lambda cell: self.results[cell].median):
                    lines.append(self._line(cell))
        return "\n".join(lines[1:])

    def _line(self, cell: Cell) -> str:
        measured = self.results[cell]
        tornado = self.reference(cell, "tornado")
        spread = f"({min(measured.cpu):.1f}-{max(measured.cpu):.1f})"
        ratio = f"1/{tornado.median / measured.median:.2f}" if tornado else ""
        rate = statistics.median(measured.rate)
        return f"  {cell.server:20}{cell.loop:9}{measured.median:16.1f}{spread:>17}{rate:12,.0f}{ratio:>12}"

    def failures(self) -> list[str]:
        """What breaks the bounds, one line each; without the server that it compares with, a bound is broken, too."""
        broken = []
        looked = [cell for cell in self.results if cell.server == "waterspout"]
        if not looked:
            broken.append("Waterspout was not measured")
        for cell in looked:
            ours = self.results[cell].median
            where = f"{cell.row}, {cell.variety}, {cell.loop}: {ours:.1f} us"
            tornado = self.reference(cell, "tornado")
            part = min(1.0, OF_TORNADO[cell.row] * self.options.margin)
            if tornado is None or ours > tornado.median * part:
                bound = (
                    f"1/{1 / part:.1f} of Tornado's {tornado.median:.1f} us is {tornado.median * part:.1f}"
                    if tornado
                    else "Tornado was not measured"
                )
                broken.append(f"{where}, {bound}")
            if cell.row in NO_PEERS:
                continue
            for peer in (contender for contender in CONTENDERS.values() if contender.peer):
                theirs = self.reference(cell, peer.name)
                if theirs is None or ours >= theirs.median * self.options.margin:
                    broken.append(f"{where}, {peer.name} {f'{theirs.median:.1f} us' if theirs else 'was not measured'}")
        return broken

    def as_json(self) -> str:
        cells = [
            {
                "row": cell.row,
                "variety": cell.variety,
                "loop": cell.loop,
                "server": cell.server,
                "cpu_us": measured.cpu,
                "requests_per_second": measured.rate,
            }
            for cell, measured in sorted(self.results.items())
        ]
        return json.dumps(
            {"python": sys.version, "connections": CONNECTIONS, "seconds": self.options.seconds, "cells": cells},
            indent=1,
        )


def _names(known: list[str]) -> Callable[[str], list[str]]:
    def convert(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown {', '.join(unknown)}: choose from {', '.join(known)}")
        return names

    return convert


def options_from(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of load a cell and round")
    parser.add_argument(
        "--servers",
        type=_names(list(CONTENDERS)),
        default=list(CONTENDERS),
        help="comma separated: " + ", ".join(CONTENDERS),
    )
    parser.add_argument(
        "--rows", type=_names(list(ROWS)), default=["hello", "async"], help="comma separated: " + ", ".join(ROWS)
    )
    parser.add_argument("--loop", choices=LOOPS, default="all", dest="loop")
    parser.add_argument("--requests", choices=("varied", "constant", "both"), default="varied")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that runs the servers")
    parser.add_argument("--unpinned", action="store_true", help="let the system place server and wrk")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bound is broken")
    parser.add_argument(
        "--margin",
        type=float,
        default=1.0,
        help="multiplies the bounds of --check: above 1 for runs too short, or machines too busy, for the true ones",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures to FILE")
    options = parser.parse_args(arguments)
    options.loops = LOOPS[options.loop]
    options.varieties = ("varied", "constant") if options.requests == "both" else (options.requests,)
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds start at 1")
    return options


def main() -> int:
    if sys.argv[1:2] == ["client"]:
        from bench_client import main as client_main

        return client_main(sys.argv[2:])
    if sys.argv[1:2] == ["ws"]:
        from bench_ws import main as ws_main

        return ws_main(sys.argv[2:])
    options = options_from(sys.argv[1:])
    wrk = shutil.which("wrk")
    if wrk is None:
        sys.exit("wrk is not installed: apt-get install wrk")
    contenders, missing = installed(options.servers, options.python)
    print(*missing, sep="\n", end="\n" if missing else "", file=sys.stderr)
    if "uvloop" in options.loops and not has_uvloop(options.python):
        sys.exit(f"uvloop is not installed for {options.python}: install it, or ask for --loop asyncio")
    bench = Bench(options, contenders, wrk)
    for number in range(options.rounds):
        bench.round()
        print(f"round {number + 1} of {options.rounds} done", file=sys.stderr)
    print(bench.table())
    if options.json:
        options.json.write_text(bench.as_json())
    if not options.check:
        return 0
    broken = bench.failures()
    print("\nbounds: " + ("all hold" if not broken else f"{len(broken)} broken"), *broken, sep="\n  ")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
