"""WebSocket servers side by side: ``python loadtest/bench.py ws`` (or this file).

Rows, all without compression: ``text`` (echo of 125 bytes over 64 connections), ``binary`` (16 KiB), ``broadcast``
(100 bytes to ``--idle`` sockets, 10,000 by default), with the memory of an idle socket. A server is pinned to the
first core and driven from the second; figures are server CPU microseconds a message, the median of the rounds with the
lowest and the highest; in each round each server runs once, started anew. ``--check`` makes the bounds the exit code.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import ws_load
from bench_servers import APPS, Contender, Running, started
from target import environment

CONNECTIONS = 64
SERVERS = ("waterspout", "tornado", "websockets", "aiohttp", "picows")
ROWS = {"text": (ws_load.TEXT, b"x" * 125), "binary": (ws_load.BINARY, bytes(range(256)) * 64)}
NEWS = b"x" * 100
BROADCASTS = 3
WARM_SECONDS = 0.3

# What Waterspout has to reach, on the same loop.
TEXT_OF_TORNADO = 1 / 5
TEXT_OF_PICOWS = 1.3
BROADCAST_OF_PICOWS = 1.3
IDLE_KIB = 4.0


def contender(name: str, loop: str) -> Contender:
    module = {"waterspout": "waterspout.websocket", "tornado": "tornado.websocket"}.get(name, name)
    return Contender(name, module, (str(APPS / "ws_server.py"), name, "--port", "{port}", "--loop", "{loop}"), (loop,))


def resident(server: Running) -> int:
    """KiB of memory that the server has in use."""
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0])


Figures = dict[tuple[str, str, str], list[float]]


def measure(options: argparse.Namespace, figures: Figures, cpu: int | None) -> None:
    for name in options.servers:
        for loop in options.loops:
            if loop == "own" and name not in ("waterspout",):
                continue
            with started(contender(name, loop), loop, options.python, cpu, APPS) as server:
                for row in options.rows:
                    if row != "broadcast":
                        figures[row, name, loop].append(echo_row(server, row, options.seconds))
            if "broadcast" in options.rows:
                with started(contender(name, loop), loop, options.python, cpu, APPS) as server:
                    for row, figure in broadcast_row(server, options.idle).items():
                        figures[row, name, loop].append(figure)


def echo_row(server: Running, row: str, seconds: float) -> float:
    first, payload = ROWS[row]
    with ws_load.open_sockets(server.port, CONNECTIONS) as sockets:
        ws_load.echo(sockets, first, payload, WARM_SECONDS)
        before = server.cpu_seconds()
        echoes = ws_load.echo(sockets, first, payload, seconds)
        return (server.cpu_seconds() - before) * 1e6 / (echoes + len(sockets))


def broadcast_row(server: Running, idle: int) -> dict[str, float]:
    with ws_load.open_sockets(server.port, 100) as sockets:
        ws_load.broadcast(sockets, NEWS)
        before = resident(server)
        with ws_load.open_sockets(server.port, idle) as more:
            each = (resident(server) - before) / idle
            cpu = server.cpu_seconds()
            latest = [ws_load.broadcast(sockets + more, NEWS) for _ in range(BROADCASTS)]
            cpu = (server.cpu_seconds() - cpu) * 1e6 / (BROADCASTS * (len(sockets) + len(more)))
    return {"broadcast": cpu, "broadcast, ms to the last": statistics.median(latest) * 1e3, "idle, KiB": each}


def table(figures: Figures) -> str:
    lines = []
    for row in dict.fromkeys(row for row, _, _ in figures):
        unit = "" if "," in row else ", CPU us a message"
        lines += ["", f"{row}{unit}"]
        cells = {(name, loop): values for (r, name, loop), values in figures.items() if r == row}
        for (name, loop), values in sorted(cells.items(), key=lambda cell: statistics.median(cell[1])):
            median = statistics.median(values)
            tornado = cells.get(("tornado", "asyncio" if loop == "own" else loop))
            ratio = f"1/{statistics.median(tornado) / median:.2f} of Tornado" if tornado else ""
            spread = f"({min(values):.1f}-{max(values):.1f})"
            lines.append(f"  {name:12}{loop:9}{median:10.1f}{spread:>18}   {ratio}")
    return "\n".join(lines[1:])


def broken(figures: Figures, accelerated: bool) -> list[str]:
    """What breaks the bounds, a line each."""
    found = []

    def bound(row: str, loop: str, factor: float, peer: str) -> None:
        ours, theirs = figures.get((row, "waterspout", loop)), figures.get((row, peer, loop))
        if ours and theirs:
            limit = statistics.median(theirs) * factor
            if statistics.median(ours) > limit:
                found.append(f"{row}, {loop}: {statistics.median(ours):.1f}; {factor:.2f} of {peer} is {limit:.1f}")
        elif ours:
            found.append(f"{row}, {loop}: {peer} was not measured")

    for loop in ("asyncio", "uvloop"):
        bound("text", loop, TEXT_OF_TORNADO, "tornado")
        bound("text", loop, 1.0, "websockets")
        bound("text", loop, 1.0, "aiohttp")
        bound("text", loop, TEXT_OF_PICOWS, "picows")
        bound("binary", loop, 1 / 3 if accelerated else 1.0, "tornado")
        for peer, factor in (("tornado", 1.0), ("websockets", 1.0), ("aiohttp", 1.0), ("picows", BROADCAST_OF_PICOWS)):
            bound("broadcast", loop, factor, peer)
    for (row, name, loop), values in figures.items():
        if row == "idle, KiB" and name == "waterspout" and statistics.median(values) > IDLE_KIB:
            found.append(f"{row}, {loop}: {statistics.median(values):.1f}, the bound is {IDLE_KIB:.1f}")
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of load a cell and round")
    parser.add_argument("--servers", type=lambda text: text.split(","), default=list(SERVERS))
    parser.add_argument("--rows", type=lambda text: text.split(","), default=[*ROWS, "broadcast"])
    parser.add_argument("--loops", type=lambda text: text.split(","), default=["asyncio", "uvloop"], help="own, too")
    parser.add_argument("--idle", type=int, default=10_000, help="sockets of the row broadcast")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that runs the servers")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bound is broken")
    options = parser.parse_args(arguments)
    if unknown := {*options.servers} - {*SERVERS} | {*options.rows} - {*ROWS, "broadcast"}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    for name in list(options.servers):
        try:
            environment(contender(name, "").module, options.python)
        except LookupError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            options.servers.remove(name)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[1]})
    figures: Figures = defaultdict(list)
    for number in range(options.rounds):
        measure(options, figures, cores[0])
        print(f"round {number + 1} of {options.rounds} done", file=sys.stderr)
    from waterspout.ws import ACCELERATED

    print(f"masking accelerator: {'on' if ACCELERATED else 'off'}\n")
    print(table(figures))
    if not options.check:
        return 0
    wrong = broken(figures, ACCELERATED)
    print("\nbounds: " + ("all hold" if not wrong else f"{len(wrong)} broken"), *wrong, sep="\n  ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
