"""Thousands of clients that connect at once: seconds until all are accepted, and until all have an answer.

    python loadtest/connects.py [--clients 3000] [--rounds 7] [--check]

Accepted: all connect and say nothing; one more that connects after them sends a GET, and its answer has come. The
kernel hands connections out in their order, and the servers have one process here, so all others have been accepted by
then.
Answered: each sends a GET at once when it is connected, and all answers have come.
Beside the seconds stands the processor time of the server for one connection, until its clients have their answer: the
former depend on what else the machine does, the latter hardly.

The servers take turns, so that what the machine does meanwhile hits them alike; this program runs on a processor of its
own where there are two. The backlog is 4096 for all. ``--check`` ends with status 1 if Waterspout's median of the first
is beyond granian's by more than a tenth (less is a tie). Needs granian and uvloop.
"""

from __future__ import annotations

import argparse
import errno
import importlib.util
import os
import re
import resource
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
PATIENCE = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def commands(port: int) -> dict[str, list[str]]:
    granian = (
        f"-m granian --host 127.0.0.1 --port {port} --interface asgi --http 1 --no-ws --workers 1 --runtime-threads 1"
        f" --loop uvloop --backlog 4096 --no-access-log --log-level warning --working-dir {HERE / 'apps'} raw_asgi:app"
    )
    return {
        "waterspout": [str(HERE / "drills" / "program.py"), str(port), "1", "shared"],
        "granian": granian.split(),
    }


def start(command: Sequence[str], port: int, processor: int | None) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=None if processor is None else lambda: os.sched_setaffinity(0, {processor}),
    )
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise SystemExit(f"{command} ended with status {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as sock:
                sock.sendall(REQUEST)
                if sock.recv(100).startswith(b"HTTP/1.1 200"):
                    return process
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"{command} does not serve")


def cpu_seconds(pid: int) -> float:
    """What *pid* and the processes below it have used so far, of all their threads, to the nanosecond (Linux)."""
    total = 0.0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0]) / 1e9
        total += sum(map(cpu_seconds, map(int, (task / "children").read_text().split())))
    return total


def accepted(port: int, clients: int, used: Callable[[], float]) -> tuple[float, float]:
    """Seconds from the first connect until a client that connected after all others has its answer; CPU seconds."""
    made = [socket.socket() for _ in range(clients)]
    for sock in made:
        sock.setblocking(False)
    last = socket.socket()
    last.settimeout(PATIENCE)
    began, before = time.perf_counter(), used()
    for sock in made:
        sock.connect_ex(("127.0.0.1", port))
    last.connect(("127.0.0.1", port))
    last.sendall(REQUEST)
    if not last.recv(4096).startswith(b"HTTP/1.1 200 "):
        raise SystemExit("the last client got something else than 200")
    took, cost = time.perf_counter() - began, used() - before
    if any(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) for sock in made):
        raise SystemExit("a client was refused or reset")
    for sock in (*made, last):
        sock.close()
    return took, cost


def answered(port: int, clients: int, used: Callable[[], float]) -> tuple[float, float]:
    """Seconds from the first connect until the last answer has begun to arrive, and the server's CPU seconds."""
    address = ("127.0.0.1", port)
    sockets = {}
    poll = select.epoll()
    made = [socket.socket() for _ in range(clients)]
    for sock in made:
        sock.setblocking(False)
        sockets[sock.fileno()] = sock
    began, before = time.perf_counter(), used()
    for sock in made:
        error = sock.connect_ex(address)
        if error not in (0, errno.EINPROGRESS):
            raise SystemExit(f"connect: {os.strerror(error)}")
        poll.register(sock.fileno(), select.EPOLLOUT)
    left = clients
    while left:
        events = poll.poll(PATIENCE)
        if not events:
            raise SystemExit(f"{left} clients have no answer after {PATIENCE} s")
        for fd, event in events:
            sock = sockets[fd]
            if event & (select.EPOLLERR | select.EPOLLHUP):
                raise SystemExit(f"a client was refused or reset: {os.strerror(sock.getsockopt(1, socket.SO_ERROR))}")
            if event & select.EPOLLOUT:
                sock.send(REQUEST)
                poll.modify(fd, select.EPOLLIN)
            else:
                if not re.match(rb"HTTP/1\.1 200 ", sock.recv(4096)):
                    raise SystemExit("a client got something else than 200")
                poll.unregister(fd)
                left -= 1
    took, cost = time.perf_counter() - began, used() - before
    for sock in made:
        sock.close()
    poll.close()
    return took, cost


KINDS = {"accepted": accepted, "answered": answered}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clients", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if importlib.util.find_spec("granian") is None:
        raise SystemExit("granian is not installed: pip install granian uvloop")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < arguments.clients + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (arguments.clients + 100, hard))
    processors = sorted(os.sched_getaffinity(0))
    theirs = processors[0] if len(processors) > 1 else None
    if theirs is not None:
        os.sched_setaffinity(0, {processors[1]})
    ports = {name: free_port() for name in commands(0)}
    running = {name: start(commands(port)[name], port, theirs) for name, port in ports.items()}
    times: dict[tuple[str, str], list[float]] = {(kind, name): [] for kind in KINDS for name in running}
    costs: dict[tuple[str, str], list[float]] = {key: [] for key in times}
    try:
        for number in range(arguments.rounds + 1):
            for kind, measure in KINDS.items():
                for name, port in ports.items():
                    used = partial(cpu_seconds, running[name].pid)
                    took, cost = measure(port, arguments.clients, used)
                    if number:  # the first round warms up
                        times[kind, name].append(took)
                        costs[kind, name].append(cost / arguments.clients * 1e6)
                    time.sleep(0.3)
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait(PATIENCE)
    ratios = {}
    for kind in KINDS:
        medians = {name: statistics.median(times[kind, name]) for name in running}
        for name, median in medians.items():
            spread = times[kind, name]
            cpu = costs[kind, name]
            print(
                f"{kind:9} {name:12} {median:.3f} s, {min(spread):.3f}-{max(spread):.3f} in {len(spread)} rounds;"
                f" CPU {statistics.median(cpu):.1f} us a connection, {min(cpu):.1f}-{max(cpu):.1f}"
            )
        ratios[kind] = medians["waterspout"] / medians["granian"]
        print(f"{kind:9} waterspout / granian: {ratios[kind]:.2f}")
    return int(arguments.check and ratios["accepted"] > 1.1)


if __name__ == "__main__":
    sys.exit(main())
