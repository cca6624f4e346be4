"""A chat for people with netcat: what one types, all others read. Only waterspout-ioloop is needed.

    python examples/line_chat/app.py --port 9001        (in several windows: nc localhost 9001)
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from waterspout.ioloop import IOLoop
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.netutil import bind_sockets
from waterspout.queues import Queue, QueueFull
from waterspout.tcpserver import TCPServer

LONGEST_LINE = 1000
# Lines that wait for somebody who does not read. Who falls further behind is sent away, so that memory stays bounded.
PATIENCE = 100


class Chat(TCPServer):
    """Names and their queues of lines; each guest has one task that reads and one that writes."""

    def __init__(self) -> None:
        super().__init__()
        self.guests: dict[str, tuple[IOStream, Queue[bytes]]] = {}

    async def handle_stream(self, stream: IOStream, address: Any) -> None:
        name = ""
        try:
            await stream.write(b"Your name? ")
            name = (await stream.read_until(b"\n", max_bytes=LONGEST_LINE)).strip().decode("utf-8", "replace")
            if not name or name in self.guests:
                await stream.write(b"That name is taken, or none.\n")
                name = ""
                return
            queue: Queue[bytes] = Queue(PATIENCE)
            self.guests[name] = (stream, queue)
            self.say(f"* {name} is here, with {len(self.guests) - 1} others")
            writing = asyncio.create_task(self.write_lines(stream, queue))
            try:
                async for line in stream.lines(max_bytes=LONGEST_LINE):
                    self.say(f"{name}: {line.strip().decode('utf-8', 'replace')}", but=name)
            finally:
                writing.cancel()
        except StreamClosedError:
            return  # gone: nothing more to tell this one
        finally:
            if self.guests.pop(name, None):
                self.say(f"* {name} left")
            stream.close()

    async def write_lines(self, stream: IOStream, queue: Queue[bytes]) -> None:
        async for line in queue:
            try:
                await stream.write(line)
            except StreamClosedError:
                return

    def say(self, text: str, but: str = "") -> None:
        """Give a line to everybody but one."""
        for name, (stream, queue) in list(self.guests.items()):
            if name != but:
                try:
                    queue.put_nowait(text.encode() + b"\n")
                except QueueFull:
                    stream.close()


async def main(port: int) -> None:
    sockets = bind_sockets(port, "127.0.0.1")
    async with Chat() as server:
        server.add_sockets(sockets)
        print(f"line chat on 127.0.0.1:{sockets[0].getsockname()[1]}, Ctrl-C stops it", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9001)
    IOLoop.run(main(parser.parse_args().port))
