"""The measured WebSocket server, with each library: ``python ws_server.py LIBRARY --port 8000 --loop uvloop``.

Echoes what comes. The text ``broadcast`` is not echoed: ``NEWS`` goes to every open socket instead. Without
compression; each library is used as its own documentation has it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

LIBRARIES = ("waterspout", "tornado", "websockets", "aiohttp", "picows")
NEWS = "x" * 100
COMMAND = "broadcast"


async def waterspout(port: int) -> None:
    from waterspout.websocket import broadcast

    _namespaced("waterspout", port, lambda sockets: broadcast(sockets, NEWS))
    await asyncio.Event().wait()


async def tornado(port: int) -> None:
    def broadcast(sockets: set[Any]) -> None:
        for socket in sockets:
            socket.write_message(NEWS)

    _namespaced("tornado", port, broadcast)
    await asyncio.Event().wait()


def _namespaced(ns: str, port: int, broadcast: Callable[[set[Any]], Any]) -> None:
    web, websocket, httpserver, netutil = (
        importlib.import_module(f"{ns}.{name}") for name in ("web", "websocket", "httpserver", "netutil")
    )
    base: Any = websocket.WebSocketHandler
    everybody: set[Any] = set()

    class Echo(base):  # type: ignore[misc]
        def open(self) -> None:
            everybody.add(self)

        def on_close(self) -> None:
            everybody.discard(self)

        def on_message(self, message: str | bytes) -> None:
            if message == COMMAND:
                broadcast(everybody)
            else:
                self.write_message(message, isinstance(message, bytes))

    application = web.Application([("/", Echo)], log_function=lambda handler: None)
    server = httpserver.HTTPServer(application)
    server.add_sockets(netutil.bind_sockets(port, "127.0.0.1", backlog=4096))


async def websockets(port: int) -> None:
    from websockets.asyncio.server import broadcast, serve
    from websockets.exceptions import ConnectionClosedError

    async def echo(socket: Any) -> None:
        with contextlib.suppress(ConnectionClosedError):  # the load ends without a closing handshake
            async for message in socket:
                if message == COMMAND:
                    broadcast(server.connections, NEWS)
                else:
                    await socket.send(message)

    server = await serve(echo, "127.0.0.1", port, compression=None, backlog=4096, ping_interval=None)
    await server.serve_forever()


async def aiohttp(port: int) -> None:
    from aiohttp import WSMsgType, web

    everybody: set[Any] = set()

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        everybody.add(socket)
        async for message in socket:
            if message.type == WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            elif message.data == COMMAND:
                for other in list(everybody):
                    await other.send_str(NEWS)
            else:
                await socket.send_str(message.data)
        everybody.discard(socket)
        return socket

    application = web.Application()
    application.router.add_get("/", echo)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    await asyncio.Event().wait()


async def picows(port: int) -> None:
    from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

    everybody: set[WSTransport] = set()

    class Echo(WSListener):  # type: ignore[misc]
        def on_ws_connected(self, transport: WSTransport) -> None:
            everybody.add(transport)

        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            if frame.msg_type == WSMsgType.CLOSE:
                transport.send_close(frame.get_close_code())
                transport.disconnect()
                return
            payload = frame.get_payload_as_bytes()
            if payload == b"broadcast":
                news = NEWS.encode()
                for other in everybody:
                    other.send(WSMsgType.TEXT, news)
            else:
                transport.send(frame.msg_type, payload)

        def on_ws_disconnected(self, transport: WSTransport) -> None:
            everybody.discard(transport)

    server = await ws_create_server(lambda request: Echo(), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def loop_factory(library: str, loop: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if loop == "uvloop":
        return importlib.import_module("uvloop").new_event_loop  # type: ignore[no-any-return]
    if loop == "own":
        return importlib.import_module(f"{library}.ioloop").new_event_loop  # type: ignore[no-any-return]
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--loop", choices=("asyncio", "uvloop", "own"), default="asyncio")
    options = parser.parse_args()
    # The measured library is installed; nothing but this folder may come before it on the path.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    serve: Callable[[int], Awaitable[None]] = globals()[options.library]
    with asyncio.Runner(loop_factory=loop_factory(options.library, options.loop)) as runner:
        runner.run(serve(options.port))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
