"""Streams, queues, locks and timers side by side: Waterspout, Tornado, asyncio's own, on stock asyncio and on uvloop.

    python loadtest/streams.py [--rounds 5] [--only lines,frames] [--uvloop] [--micro | --streams] [--check]

Each contestant is a server process of its own (``streams_contestants.py``); the load comes from this process.  Measured
is the *server's CPU time* for each operation, in interleaved rounds: one round takes every contestant once, so that
whatever else the machine does meets all of them.  Printed are the median over the rounds and the ratio to Waterspout
(the median of the ratios within a round, with their range); above 1 Waterspout is cheaper.  ``--check`` ends with
status 1 if a bound of the project does not hold.  Answers are checked by length.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BLOCK = 64 * 1024
CONNECTIONS = 64
LINE = b"the quick brown fox jumps over\n"

#: How often each workload runs in one round.
COUNTS = {
    "lines": 12_800,
    "blocks": 3_000,
    "pieces": 3_000,
    "frames": 500,
    "tls_blocks": 3_000,
    "tls_lines": 6_400,
    "queue": 50_000,
    "lock": 50_000,
    "handover": 20_000,
    "timers": 100_000,
    "callbacks": 200_000,
    "coroutine": 50_000,
    "switch": 20_000,
}
STREAMS = ("lines", "blocks", "pieces", "frames", "tls_blocks", "tls_lines")
MICRO = ("queue", "lock", "handover", "timers", "callbacks", "coroutine", "switch")

#: Operations of one count, where that is not one.
UNIT = {"frames": 256}

#: Bounds on stock asyncio: (workload, peer, least ratio of the peer's CPU to ours).
BOUNDS = (
    ("lines", "tornado", 1.7),
    ("lines", "asyncio", 1.0),
    ("frames", "tornado", 2.0),
    ("blocks", "tornado", 0.95),
    ("pieces", "tornado", 0.95),
    ("tls_blocks", "tornado", 1.2),
    ("queue", "tornado", 2.0),
    ("lock", "tornado", 2.0),
    # Two turns of the loop and two steps of tasks for each: what a lock itself costs does not show beside them.
    ("handover", "tornado", 0.95),
    ("timers", "asyncio", 1 / 1.3),
    ("callbacks", "asyncio", 1 / 1.3),
    ("coroutine", "tornado", 2.5),
)


#: The contestants run on the first of these, the load on the second, where there are two.
CORES = sorted(os.sched_getaffinity(0))[:2] if hasattr(os, "sched_getaffinity") else []
CORES = CORES if len(CORES) == 2 else []


class Contestant:
    """A server process."""

    def __init__(self, library: str, loop: str, environment: dict[str, str]) -> None:
        self.library = library
        self.name = library if loop == "stock" else f"{library} ({loop})"
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "streams_contestants.py"), library, loop],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        if CORES:
            os.sched_setaffinity(self.process.pid, CORES[:1])
        self.ports = json.loads(self.read())

    def read(self) -> str:
        line = self.process.stdout.readline().decode()
        if not line:
            raise SystemExit(f"{self.name} ended: see its error above")
        return line

    def ask(self, command: str) -> float:
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        answer = self.read()
        if answer.startswith("missing"):
            raise LookupError(f"{self.name}: {answer.strip()}")
        return float(answer)

    def measure(self, workload: str) -> float:
        """Microseconds of CPU for one operation."""
        count = COUNTS[workload]
        if workload in MICRO and self.library != "bare":
            return self.ask(f"micro {workload} {count}") / count * 1e6
        if workload not in self.ports:
            raise LookupError(f"{self.name}: not served")
        address = ("127.0.0.1", self.ports[workload])
        run = prepare(workload, address)
        before = self.ask("cpu")
        run(count)
        return (self.ask("cpu") - before) / count / UNIT.get(workload, 1) * 1e6

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)


def connect(address: tuple[str, int], tls: bool) -> socket.socket:
    sock = socket.create_connection(address)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        sock = context.wrap_socket(sock)
    return sock


def prepare(workload: str, address: tuple[str, int]):
    """Open the connections, which is not measured; returns what makes the load."""
    tls = workload.startswith("tls_")
    if workload.endswith("lines"):
        sockets = [connect(address, tls) for _ in range(CONNECTIONS)]
        return lambda count: ping_pong(sockets, count)
    sock = connect(address, tls)
    return lambda count: (send_frames if workload == "frames" else echo)(sock, count)


def ping_pong(sockets: list[socket.socket], count: int) -> None:
    """``count`` lines there and back over all connections."""
    poll = select.epoll()
    by_number = {sock.fileno(): sock for sock in sockets}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    sent = 0
    for sock in sockets:
        sock.sendall(LINE)
        sent += 1
    back = 0
    while back < count:
        for number, _ in poll.poll():
            sock = by_number[number]
            line = sock.recv(1000)
            assert line == LINE, line
            back += 1
            if sent < count:
                sock.sendall(LINE)
                sent += 1
    for sock in sockets:
        sock.close()


def echo(sock: socket.socket, count: int) -> None:
    """``count`` blocks of 64 KiB there and back, two on the way at any time."""
    block = bytes(BLOCK)
    buffer = bytearray(BLOCK)
    sock.sendall(block)
    for number in range(count):
        if number + 1 < count:
            sock.sendall(block)
        left = BLOCK
        while left:
            got = sock.recv_into(buffer, left)
            assert got, "the server closed"
            left -= got
    sock.close()


def send_frames(sock: socket.socket, count: int) -> None:
    """``count`` blocks of 256 frames; the server acknowledges each block, eight of them may be on the way."""
    block = bytes(BLOCK)
    sent = acknowledged = 0
    while acknowledged < count:
        while sent < count and sent - acknowledged < 8:
            sock.sendall(block)
            sent += 1
        acknowledged += len(sock.recv(1000))
    sock.close()


def make_certificate(folder: str) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-keyout", os.path.join(folder, "key.pem"), "-out", os.path.join(folder, "cert.pem")]
        + ["-days", "2", "-subj", "/CN=localhost"],
        check=True,
        capture_output=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="workloads, with commas")
    parser.add_argument("--uvloop", action="store_true", help="Waterspout and Tornado on uvloop as well")
    parser.add_argument("--own", action="store_true", help="Waterspout on the loop that it makes itself as well")
    parser.add_argument("--floor", action="store_true", help="TLS blocks by a bare loop as well")
    parser.add_argument("--streams", action="store_true", help="no single operations")
    parser.add_argument("--micro", action="store_true", help="only single operations")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    workloads = arguments.only.split(",") if arguments.only else [*STREAMS, *MICRO]
    workloads = [
        name for name in workloads if not (arguments.streams and name in MICRO or arguments.micro and name in STREAMS)
    ]
    kinds = [("waterspout", "stock"), ("tornado", "stock"), ("asyncio", "stock")]
    if arguments.own:
        kinds.append(("waterspout", "own"))
    if arguments.floor:
        kinds.append(("bare", "stock"))
    if arguments.uvloop:
        kinds += [("waterspout", "uvloop"), ("tornado", "uvloop"), ("asyncio", "uvloop")]
    if CORES:
        os.sched_setaffinity(0, CORES[1:])
    with tempfile.TemporaryDirectory() as folder:
        make_certificate(folder)
        environment = {**os.environ, "STREAMS_CERTIFICATE": folder}
        contestants = [Contestant(library, loop, environment) for library, loop in kinds]
        try:
            ratios = compare(contestants, workloads, arguments.rounds)
        finally:
            for contestant in contestants:
                contestant.close()
    return check(ratios) if arguments.check else 0


def compare(contestants: list[Contestant], workloads: list[str], rounds: int) -> dict[tuple[str, str], float]:
    """Run and print; returns the ratios by (workload, peer)."""
    result: dict[tuple[str, str], float] = {}
    print("microseconds of server CPU an operation (x: times Waterspout's, median and range over rounds)")
    for workload in workloads:
        taken: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
        for number in range(rounds + 1):
            for contestant in contestants[:: 1 if number % 2 else -1]:
                try:
                    cpu = contestant.measure(workload)
                except LookupError as error:
                    if number == 0:
                        print(f"{workload:10}  {error}")
                    continue
                if number:  # the first round warms up
                    taken[contestant.name].append(cpu)
        cells = []
        for name, values in taken.items():
            if not values:
                continue
            cell = f"{name} {statistics.median(values):.2f}"
            ours = taken["waterspout"]
            if name != "waterspout" and ours:
                each = sorted(theirs / own for theirs, own in zip(values, ours, strict=True))
                result[workload, name] = statistics.median(each)
                cell += f" ({statistics.median(each):.2f}x, {each[0]:.2f}-{each[-1]:.2f})"
            cells.append(cell)
        print(f"{workload:10}  " + "   ".join(cells), flush=True)
    return result


def check(ratios: dict[tuple[str, str], float]) -> int:
    """Say which bounds hold; 1 if one does not."""
    failed = 0
    for workload, peer, bound in BOUNDS:
        ratio = ratios.get((workload, peer))
        if ratio is not None:
            holds = ratio >= bound
            failed |= not holds
            print(f"{'ok ' if holds else 'NOT'} {workload}: {ratio:.2f}x {peer}, bound {bound:.2f}x")
    return failed


if __name__ == "__main__":
    sys.exit(main())
