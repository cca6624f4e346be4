"""Ten thousand long polls, exactly counted, side by side with other servers.

``python loadtest/swarm.py [--servers waterspout:own,tornado,...] [--polls 10000] [--publishes 3] [--rounds 1]
[--check]``

Each server in turn, pinned to one core, the swarm on another:

accept    seconds until all polls wait in the server's handlers (connections opened 500 at a time)
KiB       resident memory the server has grown by, a waiting poll
last      milliseconds from the publication until the last poll has its answer (median of the publications)
again     milliseconds from the publication until all polls wait in the server again, on the same connections
cpu       seconds of processor time that the server used for all of it
storm     seconds until 3,000 connections that are opened at once have all been answered, by the server as it listens
          when nothing is said about its backlog (Tornado and aiohttp 128, Sanic 100, node 511, Waterspout 4096): what
          finds no room there knocks again after 1, 3, 7 ... seconds
room      the same where all listen with a backlog of 4096, as they do for all other figures
gone      polls still waiting in the server after all clients have left at once
lines     what the server has logged meanwhile, at level INFO, without an access log
slow      median and worst milliseconds of a small request while 200 clients read 1 MiB each and do not read on

Waterspout is measured on three loops within an application's own ``asyncio.Runner``, and as ``httpserver.run`` serves
it (``run``): on its own loop, with what that does about the garbage collector.

Every answer is looked at: one that is missing, is another's, or comes unasked ends the run with an error.
At the end every bound is printed: against Tornado, aiohttp and Sanic of the same run (medians of the rounds).
``--check`` makes them the exit code.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import socket
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench_servers import Contender, Running, started
from swarm_client import HELLO, POLL, Swarm, SwarmError, request, swarm
from target import HERE, environment

APPS = HERE / "swarm_apps"
NODE = "import os, sys; os.execvp('node', ['node', *sys.argv[1:]])"
AT_ONCE = 500
STORM = 3_000
ROOM = ("--backlog", "4096")
SLOW_READERS = 200
KIB = 1024


def _python(name: str, app: str, module: str, loops: tuple[str, ...], *more: str) -> Contender:
    loop = ("--loop", "{loop}") if loops != ("-",) else ()
    return Contender(name, module, (str(APPS / app), "--port", "{port}", *loop, *more), loops)


CONTENDERS = {
    contender.name: contender
    for contender in (
        _python("waterspout", "namespaced.py", "waterspout.web", ("run", "own", "asyncio", "uvloop")),
        _python("tornado", "namespaced.py", "tornado.web", ("asyncio",), "--namespace", "tornado"),
        _python("aiohttp", "aiohttp_app.py", "aiohttp", ("asyncio", "uvloop")),
        _python("sanic", "sanic_app.py", "sanic", ("-",)),
        Contender("node", "json", ("-c", NODE, str(APPS / "node_app.js"), "--port", "{port}"), ("-",)),
    )
}

#: The bounds: the most that Waterspout may have of what the other has in the same run.
BOUNDS = {
    "tornado": {"accept": 1 / 2, "last": 0.4, "again": 1 / 4, "storm": 1 / 8},
    "aiohttp": {"accept": 1, "kib": 1, "last": 1, "again": 1, "cpu": 1, "storm": 1, "room": 1},
    "sanic": {"accept": 1, "kib": 1, "last": 1, "again": 1, "cpu": 1, "storm": 1, "room": 1},
}
MOST_KIB = 5.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What one server did."""

    accept: float
    kib: float
    last: float
    again: float
    cpu: float
    storm: float
    room: float
    gone: int
    lines: int
    slow: float
    worst: float

    def __str__(self) -> str:
        return (
            f"{self.accept:8.2f} s {self.kib:6.1f} {self.last:8.0f} ms {self.again:8.0f} ms {self.cpu:7.2f} s"
            f" {self.storm:7.2f} s {self.room:7.2f} s {self.gone:6d} {self.lines:6d}"
            f" {self.slow:6.1f} / {self.worst:.0f} ms"
        )


def resident(pid: int) -> int:
    """Bytes of resident memory of one process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * KIB
    raise SwarmError(f"process {pid} has no memory: it has ended")


def wait_until_waiting(port: int, count: int, seconds: float = 120) -> None:
    """Ask the server until ``count`` polls wait in it."""
    deadline = time.monotonic() + seconds
    while (waiting := int(request(port, "GET /stat"))) != count:
        if time.monotonic() > deadline:
            raise SwarmError(f"{waiting} polls are waiting in the server, not {count}, after {seconds:.0f} s")
        time.sleep(0.005)


def publications(server: Running, polls: Swarm, count: int) -> tuple[list[float], list[float]]:
    """Publish ``count`` times: the seconds until the last answer and until all poll again, each time."""
    last, again = [], []
    for number in range(1, count + 1):
        message = b"message %06d" % number
        head = f"POST /publish HTTP/1.1\r\nHost: swarm.example\r\nContent-Length: {len(message)}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", server.port), 60) as publisher:
            started_at = time.perf_counter()
            publisher.sendall(head + message)
            seconds, _ = polls.receive_all(message, POLL)
            last.append(seconds)
            woken = publisher.recv(65536).rpartition(b"\r\n")[2]
        if int(woken) != len(polls.connections):
            raise SwarmError(f"the server woke {woken!r} polls, not {len(polls.connections)}")
        wait_until_waiting(server.port, len(polls.connections))
        again.append(time.perf_counter() - started_at)
        if polls.stray():
            raise SwarmError("answers that nobody asked for")
    return last, again


def storm(server: Running) -> float:
    """Seconds until `STORM` connections that are opened at once have been answered."""
    request(server.port, "GET /hello")
    with swarm(server.port) as clients:
        began = time.perf_counter()
        clients.connect(STORM, STORM, HELLO)
        clients.receive_all(b"hello", None)
        return time.perf_counter() - began


def beside_slow_readers(server: Running) -> tuple[float, float]:
    """Median and worst seconds of a small request while `SLOW_READERS` leave their large answers unread."""
    with contextlib.ExitStack() as stack:
        for _ in range(SLOW_READERS):
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", server.port))
            sock.sendall(HELLO.replace(b"/hello", b"/large"))
        taken = []
        for _ in range(300):
            began = time.perf_counter()
            request(server.port, "GET /hello")
            taken.append(time.perf_counter() - began)
    return statistics.median(taken), max(taken)


def measure(contender: Contender, loop: str, polls: int, publishes: int) -> Figures:
    """One server's figures; SwarmError when it loses, doubles or mixes up anything."""
    with tempfile.TemporaryDirectory() as folder:
        with started(contender, loop, sys.executable, 0, Path(folder)) as server:
            shipped = storm(server)
        roomy = replace(contender, arguments=(*contender.arguments, *ROOM))
        with started(roomy, loop, sys.executable, 0, Path(folder)) as server:
            return measure_roomy(server, polls, publishes, shipped)


def measure_roomy(server: Running, polls: int, publishes: int, shipped: float) -> Figures:
    """The figures of a server that has room for all who connect; ``shipped`` is what was measured without."""
    room = storm(server)
    cpu, before = server.cpu_seconds(), resident(server.process.pid)
    with swarm(server.port) as clients:
        began = time.perf_counter()
        clients.connect(polls, AT_ONCE, POLL)
        wait_until_waiting(server.port, polls)
        accepted = time.perf_counter() - began
        grown = resident(server.process.pid) - before
        last, again = publications(server, clients, publishes)
        logged = server.log_lines()
    used = server.cpu_seconds() - cpu
    deadline = time.monotonic() + 10
    while (gone := int(request(server.port, "GET /stat"))) and time.monotonic() < deadline:
        time.sleep(0.1)
    logged = server.log_lines() - logged
    slow, worst = beside_slow_readers(server)
    return Figures(
        accept=accepted,
        kib=grown / polls / KIB,
        last=1000 * statistics.median(last),
        again=1000 * statistics.median(again),
        cpu=used,
        storm=shipped,
        room=room,
        gone=gone,
        lines=logged,
        slow=1000 * slow,
        worst=1000 * worst,
    )


def median_of(rounds: list[Figures]) -> Figures:
    """The median of each figure."""
    columns = {name: [getattr(figures, name) for figures in rounds] for name in Figures.__slots__}
    medians = {name: statistics.median(values) for name, values in columns.items()}
    return Figures(**{**medians, **{name: max(columns[name]) for name in ("gone", "lines")}})


def judged(results: dict[str, Figures]) -> list[tuple[bool, str]]:
    """Each bound, for each of our loops: whether it holds, and a line that says so."""
    lines = []
    for label, ours in results.items():
        if not label.startswith("waterspout"):
            continue
        lines.append((ours.kib <= MOST_KIB, f"{label}: {ours.kib:.1f} KiB a waiting poll, at most {MOST_KIB}"))
        lines.append((not ours.gone, f"{label}: {ours.gone} polls wait for clients that have left"))
        lines.append((not ours.lines, f"{label}: {ours.lines} lines in the log about clients that have left"))
        for other, theirs in results.items():
            for name, most in BOUNDS.get(other.partition(" ")[0], {}).items():
                mine, yours = getattr(ours, name), getattr(theirs, name)
                said = (
                    f"{label}: {name} {mine:.2f} against {yours:.2f} of {other}: {mine / yours:.2f}, at most {most:.3g}"
                )
                lines.append((mine <= most * yours, said))
    return lines


def chosen(words: list[str], loops: set[str]) -> list[tuple[Contender, str]]:
    """The servers that ``name`` or ``name:loop`` stand for, each with its loops; those that cannot run are named."""
    found = []
    for word in words:
        name, _, loop = word.partition(":")
        for contender in usable([name]):
            wanted = {loop} if loop else loops
            found += [(contender, each) for each in contender.loops if each in wanted]
    return found


def usable(names: list[str]) -> list[Contender]:
    """The contenders that this interpreter can run; the others are named."""
    found = []
    for name in names:
        try:
            if name == "node" and shutil.which("node") is None:
                raise LookupError("there is no node on the PATH")
            environment(CONTENDERS[name].module, sys.executable)
        except LookupError as error:
            print(f"{name} is left out: {error}")
        else:
            found.append(CONTENDERS[name])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", default=",".join(CONTENDERS), help="name, or name:loop, with commas between")
    parser.add_argument("--loops", default="run,own,asyncio,uvloop,-", help="the loops to use, of those a server has")
    parser.add_argument("--polls", type=int, default=10_000)
    parser.add_argument("--publishes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < options.polls + 1000:
        sys.exit(f"{options.polls} connections need a hard limit of open files above that, not {hard} (ulimit -Hn)")
    os.sched_setaffinity(0, {(os.cpu_count() or 1) - 1})
    rounds: dict[str, list[Figures]] = {}
    contestants = chosen(options.servers.split(","), set(options.loops.split(",")))
    columns = {"accept": 10, "KiB": 6, "last": 11, "again": 11, "cpu": 9, "storm": 9, "room": 10, "gone": 6, "lines": 6}
    print(f"{'':20}", " ".join(f"{name:>{width}}" for name, width in columns.items()), " slow", sep="")
    failed = False
    for _ in range(options.rounds):
        for contender, loop in contestants:
            label = contender.name if loop == "-" else f"{contender.name} {loop}"
            try:
                figures = measure(contender, loop, options.polls, options.publishes)
            except (SwarmError, OSError) as error:
                print(f"{label:20}{error}", flush=True)
                failed = failed or contender.name == "waterspout"
                continue
            print(f"{label:20}{figures}", flush=True)
            rounds.setdefault(label, []).append(figures)
    bounds = judged({label: median_of(measured) for label, measured in rounds.items()})
    for holds, line in bounds:
        print(f"{'ok  ' if holds else 'FAIL'} {line}")
    return int(failed or (options.check and not all(holds for holds, _ in bounds)))


if __name__ == "__main__":
    sys.exit(main())
