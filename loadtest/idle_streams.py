"""Memory of 10,000 idle connections: KiB each in the server process.

    python loadtest/idle_streams.py [--connections 10000] [--library waterspout|tornado|asyncio] [--check]

Three servers hold the connections: one that only keeps the streams (``push``: each with a receiver that is registered
for reading, as an HTTP server's are), one that has a coroutine waiting in ``read_until`` on each (``pull``), and one
that made the streams and does nothing (``bare``).  The clients are sockets of another process.  Measured is the growth
of the server's resident memory, the socket objects included, in a fresh process each.  ``--check`` ends with status 1
if Waterspout needs more than 1 KiB for ``bare`` and ``push`` or 3 KiB for ``pull``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import resource
import socket
import subprocess
import sys

BOUNDS = {"bare": 1.0, "push": 1.0, "pull": 3.0}


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def raise_limit(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


class Receiver:
    __slots__ = ()

    def data_received(self, data):
        pass

    def eof_received(self):
        return None

    def connection_lost(self, error):
        pass

    def writable(self):
        pass


def keep(library: str, kind: str):
    """A function that takes an accepted socket and keeps a stream for it."""
    kept = []
    receiver = Receiver()
    if library == "asyncio":

        async def wait(connection):
            reader, writer = await asyncio.open_connection(sock=connection)
            kept.append(writer)
            if kind == "pull":
                await reader.readline()

        return lambda connection: kept.append(asyncio.ensure_future(wait(connection)))
    if library == "tornado":
        from tornado.iostream import IOStream
    else:
        from waterspout.iostream import IOStream

    async def read(stream):
        await stream.read_until(b"\n")

    def take(connection):
        stream = IOStream(connection)
        if kind == "pull":
            kept.append((stream, asyncio.ensure_future(read(stream))))
        else:
            if kind == "push":
                stream.set_receiver(receiver)
            kept.append(stream)

    return take


async def serve(library: str, kind: str, connections: int) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    loop = asyncio.get_running_loop()
    take = keep(library, kind)
    first, _ = socket.socketpair()
    first.setblocking(False)
    take(first)  # what is made once is made now
    await asyncio.sleep(0.1)
    client = start_clients(listener.getsockname()[1], connections)
    gc.collect()
    before = resident()
    for _ in range(connections):
        connection, _ = await loop.sock_accept(listener)
        take(connection)
    await asyncio.sleep(0.5)
    gc.collect()
    print((resident() - before) / connections / 1024)
    client.stdin.close()
    client.wait()
    os._exit(0)


def start_clients(port: int, connections: int) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, __file__, "--dial", str(port), "--connections", str(connections)], stdin=subprocess.PIPE
    )


def dial(port: int, connections: int) -> None:
    kept = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    sys.stdin.read()
    assert kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--library", default="waterspout")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--dial", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    raise_limit(arguments.connections + 100)
    if arguments.dial:
        dial(arguments.dial, arguments.connections)
        return 0
    if arguments.serve:
        asyncio.run(serve(arguments.library, arguments.serve, arguments.connections))
    failed = 0
    for kind, bound in BOUNDS.items():
        if kind == "push" and arguments.library != "waterspout":
            continue  # nobody else has it
        shown = subprocess.run(
            [sys.executable, __file__, "--serve", kind, "--library", arguments.library]
            + ["--connections", str(arguments.connections)],
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        each = float(shown)
        print(f"{arguments.library} {kind}: {each:.2f} KiB a connection", flush=True)
        failed |= arguments.library == "waterspout" and each > bound
    return failed if arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
