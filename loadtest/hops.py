"""Exact counts of what one request costs: turns of the loop, callbacks, Python calls, system calls, copies of the body.

``python loadtest/hops.py`` counts Waterspout and, where it is installed, Tornado, and prints a table; ``--json FILE``
keeps the numbers and ``--names N`` lists the N functions that are called most in a request.

How each figure is defined (``hops_server.py`` does the counting in the server's process, this process drives it over
64 keep-alive connections, so no call of the client is ever among the server's):

turns          polls of the selector between the recv that completed the request and the first send of its answer, the
               flush included: 0 means that the answer left in the very turn that read the request. Long poll: from the
               recv of the request that published.
callbacks      callbacks that the loop ran between the two, and in brackets all that it ran, per request.
calls          Python calls: ``sys.setprofile`` "call" events (resumed coroutines are among them), mean over 1,000
               requests, access log off; "alone" with one request at a time, so that no turn is shared, and "busy" with
               all 64 connections busy. "between": those from recv to send, alone. "log on": busy, with the access log.
system calls   ``strace -c`` attached to the server over as many requests, "alone" and "busy" likewise.
copies         fresh memory that one request with a body of 1 MiB takes in pieces of 4 KiB or more, per body byte,
               without what recv itself makes (the copy out of the kernel): how often the body was copied inside the
               process. See ``CopyCounter``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from hops_driver import Driver, Request, get, post, post_chunked  # noqa: E402
from target import environment  # noqa: E402

CONNECTIONS = 64
BODY = b"b" * 4096
BIG = b"b" * (1 << 20)
SETTLE = 0.05
PAUSE = 0.15  # seconds in which the server has surely read 63 polls, slowed down by a hook or strace as it is

REQUESTS: dict[str, Request] = {
    "get": get("/", b"Hello, World!"),
    "get async": get("/async", b"Hello, World!"),
    "post": post("/length", BODY, b"4096"),
    "post chunked": post_chunked("/length", BODY, 1024, b"4096"),
    "long poll": get("/poll", b"news"),
}
PUBLISH = post("/publish", b"", str(CONNECTIONS - 1).encode())
COPIES: dict[str, Request] = {
    "post": post("/length", BIG, b"1048576"),
    "post chunked": post_chunked("/length", BIG, 16384, b"1048576"),
    "answer": get("/big", b"x" * (1 << 20)),
}


class Server:
    """A running ``hops_server.py`` and the pipe to its control line."""

    def __init__(self, namespace: str, loop: str, python: str, *options: str) -> None:
        command = [python, str(HERE / "hops_server.py"), "--namespace", namespace, "--loop", loop, *options]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(namespace + ".web", python),
        )
        self.port = int(self._answer()["port"])

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server {self.process.args!r} ended with {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def tell(self, line: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@contextlib.contextmanager
def running(namespace: str, loop: str, python: str, *options: str) -> Iterator[tuple[Server, Driver]]:
    """A server with 64 connections that have all been used."""
    server = Server(namespace, loop, python, *options)
    try:
        driver = Driver(server.port, CONNECTIONS)
        driver.run(REQUESTS["get"], 4 * CONNECTIONS, CONNECTIONS)
        yield server, driver
        driver.close()
    finally:
        server.close()


def drive(driver: Driver, kind: str, count: int, in_flight: int) -> int:
    """Send about ``count`` requests of ``kind``; returns the number sent."""
    if kind == "long poll":
        return driver.long_poll(REQUESTS[kind], PUBLISH, max(1, count // (CONNECTIONS - 1)), PAUSE)
    driver.run(REQUESTS[kind], count, in_flight)
    return count


def mean(pairs: list[list[int]]) -> float:
    return sum(value * times for value, times in pairs) / sum(times for _, times in pairs)


def count_python(
    namespace: str, loop: str, python: str, kind: str, requests: int, in_flight: int, *options: str
) -> dict[str, Any]:
    """Turns, callbacks, Python calls, recv and send, per request."""
    with running(namespace, loop, python, *options) as (server, driver):
        drive(driver, kind, CONNECTIONS, CONNECTIONS)
        # What a server does after its last answers belongs to them: let it finish before the counter is touched.
        time.sleep(SETTLE)
        server.tell("count poll" if kind == "long poll" else "count")
        sent = drive(driver, kind, requests, in_flight)
        time.sleep(SETTLE)
        counted = server.tell("stop")
    # The answers to the publications are sends too; the requests asked for are what is divided by.
    return {
        "requests": sent,
        "turns": mean(counted["turns"]),
        "turns_most": max(turns for turns, _ in counted["turns"]),
        "callbacks_between": mean(counted["callbacks_between"]),
        "callbacks": counted["callbacks"] / sent,
        "calls_between": mean(counted["calls_between"]),
        "calls": counted["calls"] / sent,
        "recv": counted["recv"] / sent,
        "recv_would_block": counted["recv_would_block"] / sent,
        "send": counted["send"] / sent,
        "polls": counted["polls"] / sent,
        "by_name": [(name, calls / sent) for name, calls in counted["by_name"]],
    }


def count_system(
    namespace: str, loop: str, python: str, kind: str, requests: int, in_flight: int
) -> dict[str, float] | None:
    """System calls by name per request, or None where strace is not installed."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    with running(namespace, loop, python) as (server, driver), tempfile.TemporaryDirectory() as folder:
        drive(driver, kind, CONNECTIONS, CONNECTIONS)
        report = Path(folder, "strace")
        tracer = subprocess.Popen(
            [strace, "-f", "-c", "-o", str(report), "-p", str(server.process.pid)], stderr=subprocess.PIPE, text=True
        )
        assert tracer.stderr is not None
        line = tracer.stderr.readline()
        if "attached" not in line:
            raise RuntimeError(f"strace cannot watch the server: {line.strip() or 'it said nothing'}")
        sent = drive(driver, kind, requests, in_flight)
        tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
        tracer.stderr.close()
        rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", report.read_text(), re.MULTILINE)
    return {name: int(calls) / sent for calls, name in rows if name not in ("total", "restart_syscall")}


def count_copies(namespace: str, loop: str, python: str, kind: str) -> dict[str, Any]:
    """Copies of a 1 MiB body inside the server, per body byte, and the functions that made them."""
    with running(namespace, loop, python) as (server, driver):
        driver.run(COPIES[kind], 2, 1)
        server.tell("copies")
        driver.run(COPIES[kind], 1, 1)
        counted = server.tell("stop")
    return {
        "copies": counted["copied"] / len(BIG),
        "where": [(name, size / len(BIG)) for name, size in counted["where"]],
    }


def measure(
    namespace: str, loop: str, python: str, requests: int, kinds: list[str], system: bool = True
) -> dict[str, Any]:
    """All figures of one server, by kind and measurement: alone, busy, log on, system alone, system busy, copies."""
    result: dict[str, Any] = {}
    for kind in kinds:
        cell = result[kind] = {"busy": count_python(namespace, loop, python, kind, requests, CONNECTIONS)}
        # Polls wait together, whatever the load: there is no "alone" for them.
        alone = kind != "long poll"
        if alone:
            cell["alone"] = count_python(namespace, loop, python, kind, requests, 1)
        if kind == "get":
            cell["log on"] = count_python(namespace, loop, python, kind, requests, CONNECTIONS, "--access-log")
        if system:
            if alone:
                cell["system alone"] = count_system(namespace, loop, python, kind, requests, 1)
            cell["system busy"] = count_system(namespace, loop, python, kind, requests, CONNECTIONS)
        if kind in COPIES:
            cell["copies"] = count_copies(namespace, loop, python, kind)
    if "get" in kinds:
        result["answer of 1 MiB"] = {"copies": count_copies(namespace, loop, python, "answer")}
    return result


COLUMNS = "turns", "callbacks", "calls between", "calls alone", "busy", "log on", "system alone", "busy", "copies"


def table(results: dict[str, dict[str, Any]]) -> str:
    """The figures as a table, servers below each other for each kind of request."""
    lines = [f"{'':31}" + "".join(f"{column:>15}" for column in COLUMNS)]
    for kind in [*REQUESTS, "answer of 1 MiB"]:
        for server, kinds in results.items():
            if kind in kinds:
                lines.append(f"{kind:16}{server:20}" + _cells(kinds[kind]))
    return "\n".join(lines)


def _cells(cell: dict[str, Any]) -> str:
    alone, busy, log, copies = (cell.get(name) for name in ("alone", "busy", "log on", "copies"))
    system = [cell.get("system alone"), cell.get("system busy")]
    cells = [
        f"{(alone or busy)['turns']:.2f}" if busy else "",
        f"{alone['callbacks_between']:.1f} ({alone['callbacks']:.1f})" if alone else "",
        f"{alone['calls_between']:.1f}" if alone else "",
        f"{alone['calls']:.1f}" if alone else "",
        f"{busy['calls']:.1f}" if busy else "",
        f"{log['calls']:.1f}" if log else "",
        *[f"{sum(counts.values()):.2f}" if counts else "" for counts in system],
        f"{copies['copies']:.2f}" if copies else "",
    ]
    return "".join(f"{text:>15}" for text in cells)[5:]


def details(results: dict[str, dict[str, Any]], names: int) -> Iterator[str]:
    """The system calls by name, and the most called functions."""
    for server, kinds in results.items():
        for kind, cell in kinds.items():
            for load in ("alone", "busy"):
                counts = cell.get(f"system {load}")
                if counts:
                    listed = ", ".join(
                        f"{name} {count:.2f}" for name, count in sorted(counts.items(), key=lambda item: -item[1])
                    )
                    yield f"{kind}, {server}, {load}: {listed}"
    for server, kinds in results.items():
        for kind, cell in kinds.items():
            if names and "busy" in cell:
                yield f"\n{kind}, {server}, busy: Python calls a request"
                yield from (f"  {count:8.2f}  {name}" for name, count in cell["busy"]["by_name"][:names])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--servers", default="waterspout/asyncio,waterspout/own,tornado/asyncio", help="NAMESPACE/LOOP, comma separated"
    )
    parser.add_argument("--kinds", default=",".join(REQUESTS), help="kinds of request, comma separated")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--python", default=sys.executable, help="the interpreter that runs the servers")
    parser.add_argument("--no-strace", action="store_true", help="leave the system calls out")
    parser.add_argument(
        "--names", type=int, default=0, metavar="N", help="list the N most called functions of each kind"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    options = parser.parse_args()
    kinds = options.kinds.split(",")
    if unknown := set(kinds) - set(REQUESTS):
        parser.error(f"unknown kind {', '.join(sorted(unknown))}: choose from {', '.join(REQUESTS)}")
    results: dict[str, dict[str, Any]] = {}
    for server in options.servers.split(","):
        namespace, _, loop = server.partition("/")
        try:
            results[server] = measure(
                namespace, loop or "asyncio", options.python, options.requests, kinds, not options.no_strace
            )
        except LookupError as error:
            print(f"{server} is left out: {error}", file=sys.stderr)
    if not options.no_strace and shutil.which("strace") is None:
        print("strace is not installed (apt-get install strace): system calls are not counted,", file=sys.stderr)
        print("only the recv, send and poll that Python saw are in the figures of --json", file=sys.stderr)
    print(table(results))
    print("\n".join(details(results, options.names)))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
