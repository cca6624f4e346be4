"""What the Autobahn test suite talks to: an echo server, and a client that echoes what the suite's server sends.

``python loadtest/autobahn_peers.py server`` prints the port that it listens on; ``... client URL`` runs all cases of
the suite's server at URL and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

from waterspout.httpserver import HTTPServer
from waterspout.ioloop import new_event_loop
from waterspout.netutil import bind_sockets
from waterspout.web import Application
from waterspout.websocket import WebSocketClosedError, WebSocketHandler, websocket_connect
from waterspout.ws import DeflateOptions

#: Bytes; the suite's longest messages have 16 MiB.
LIMIT = 64 * 1024 * 1024
#: The name of our side in the reports.
AGENT = "waterspout"


class Echo(WebSocketHandler):
    """Sends back what comes, of the kind that comes."""

    def get_compression_options(self) -> DeflateOptions:
        return DeflateOptions()

    async def on_message(self, message: str | bytes) -> None:
        await self.write_message(message, isinstance(message, bytes))


async def serve() -> None:
    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application([("/", Echo)], websocket_max_message_size=LIMIT))
    server.add_sockets(sockets)
    print(sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


async def run_cases(url: str) -> None:
    counter = await websocket_connect(f"{url}/getCaseCount")
    count = int(await counter.read_message())
    for number in range(1, count + 1):
        connection = await websocket_connect(
            f"{url}/runCase?case={number}&agent={AGENT}", compression_options={}, max_message_size=LIMIT
        )
        with contextlib.suppress(WebSocketClosedError):  # many cases end so: the suite's report judges
            async for message in connection:
                await connection.write_message(message, isinstance(message, bytes))
    reports = await websocket_connect(f"{url}/updateReports?agent={AGENT}")
    await reports.read_message()


def main() -> None:
    role, *rest = sys.argv[1:]
    work = serve() if role == "server" else run_cases(rest[0])
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(work)


if __name__ == "__main__":
    main()
