"""What stands behind nginx in the tests: ``python behind_proxy.py PORT NAME`` serves on 127.0.0.1 until terminated."""

import asyncio
import signal
import sys

from waterspout import web
from waterspout.httpserver import HTTPServer

waiting: set[asyncio.Future[str]] = set()


class Who(web.RequestHandler):
    """What the application believes of its client, and which connection of nginx it came by."""

    def get(self) -> None:
        request = self.request
        self.write(
            {
                "name": sys.argv[2],
                "remote_ip": request.remote_ip,
                "protocol": request.protocol,
                "host": request.host,
                "url": request.full_url(),
                "connection": id(request.connection),
                "peer_port": request.connection.stream.socket.getpeername()[1],
            }
        )


class Poll(web.RequestHandler):
    """Waits for the next message; a client that leaves, leaves no waiter."""

    waiter: asyncio.Future[str] | None = None

    async def get(self) -> None:
        self.waiter = asyncio.get_running_loop().create_future()
        waiting.add(self.waiter)
        self.write(await self.waiter)

    def on_connection_close(self) -> None:
        assert self.waiter is not None
        waiting.discard(self.waiter)
        self.waiter.cancel()


class Publish(web.RequestHandler):
    def post(self) -> None:
        for waiter in waiting:
            waiter.set_result(self.get_body_argument("text"))
        self.write(str(len(waiting)))
        waiting.clear()


class Waiting(web.RequestHandler):
    def get(self) -> None:
        self.write(str(len(waiting)))


@web.stream_request_body
class Upload(web.RequestHandler):
    def initialize(self) -> None:
        self.size = 0

    def data_received(self, chunk: bytes) -> None:
        self.size += len(chunk)

    def put(self) -> None:
        self.write(str(self.size))


class Download(web.RequestHandler):
    async def get(self) -> None:
        for _ in range(64):
            self.write(b"x" * 65536)
            await self.flush()


async def main() -> None:
    routes = [
        ("/who", Who),
        ("/poll", Poll),
        ("/publish", Publish),
        ("/waiting", Waiting),
        ("/upload", Upload),
        ("/download", Download),
    ]
    server = HTTPServer(web.Application(routes), xheaders=True, trusted_downstream=["127.0.0.1"])
    server.listen(int(sys.argv[1]), "127.0.0.1")
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    print("ready", flush=True)
    await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main())
