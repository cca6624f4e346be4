"""h11 at the other end of the wire: its client talks to our server, and our client to its server, byte for byte by
somebody else's reading of HTTP/1.1.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import h11
import pytest

from waterspout.httpclient import AsyncHTTPClient
from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets
from waterspout.web import Application, RequestHandler
from waterspout.websocket import WebSocketHandler

SECONDS = 20.0


class Echo(RequestHandler):
    def get(self) -> None:
        self.write(f"hello {self.get_argument('name', '')}")

    def post(self) -> None:
        self.set_header("X-Length", str(len(self.request.body)))
        self.write(self.request.body)


class Slowly(RequestHandler):
    async def get(self) -> None:
        for number in range(5):
            self.write(f"part {number};")
            await self.flush()


class Nothing(RequestHandler):
    def get(self) -> None:
        self.set_status(204)


class Socket(WebSocketHandler):
    """Knows none of the versions that are asked for."""


class Upgrading(RequestHandler):
    def get(self) -> None:
        self.set_status(426)
        self.set_header("Upgrade", "TLS/1.2, HTTP/2.0")
        self.write("not without")


#: What answers 426.
WANTING = [("/socket", Socket), ("/upgrading", Upgrading)]


def with_server(client: Callable[[tuple[str, int]], None], **settings: Any) -> None:
    """Run a blocking client in a thread while our server serves."""

    async def main() -> None:
        (sock,) = bind_sockets(0, "127.0.0.1")
        routes = [("/echo", Echo), ("/slowly", Slowly), ("/nothing", Nothing), *WANTING]
        server = HTTPServer(Application(routes, **settings))
        server.add_sockets([sock])
        await asyncio.to_thread(client, sock.getsockname())
        server.stop()
        await server.close_all_connections()

    asyncio.run(main())


class Peer:
    """An h11 client on one connection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, SECONDS)
        self.connection = h11.Connection(h11.CLIENT)

    def send(self, *events: h11.Event) -> None:
        self.socket.sendall(b"".join(self.connection.send(event) or b"" for event in events))

    def response(self) -> tuple[int, dict[str, str], bytes]:
        """The final response; h11 raises RemoteProtocolError for one that it does not take."""
        head, body = None, b""
        while True:
            event = self.connection.next_event()
            if event is h11.NEED_DATA:
                self.connection.receive_data(self.socket.recv(65536))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                fields = {name.decode(): value.decode() for name, value in head.headers}
                return head.status_code, fields, body

    def again(self) -> None:
        self.connection.start_next_cycle()


def request(method: str, target: str, *fields: tuple[str, str]) -> h11.Request:
    return h11.Request(method=method, target=target, headers=[("Host", "h11.example"), *fields])


def test_h11s_client_takes_every_kind_of_response_on_one_connection() -> None:
    def client(address: tuple[str, int]) -> None:
        peer = Peer(address)
        peer.send(request("GET", "/echo?name=h11"), h11.EndOfMessage())
        status, fields, body = peer.response()
        assert (status, body, fields["content-length"]) == (200, b"hello h11", "9")
        peer.again()
        peer.send(request("GET", "/slowly"), h11.EndOfMessage())
        status, fields, body = peer.response()
        assert (fields["transfer-encoding"], body) == ("chunked", b"".join(b"part %d;" % n for n in range(5)))
        peer.again()
        peer.send(request("HEAD", "/echo"), h11.EndOfMessage())
        assert peer.response()[0] == 405
        peer.again()
        peer.send(request("GET", "/nothing"), h11.EndOfMessage())
        assert peer.response()[::2] == (204, b"")
        peer.again()
        peer.send(request("GET", "/nowhere", ("Connection", "close")), h11.EndOfMessage())
        assert peer.response()[0] == 404
        assert peer.connection.their_state is h11.MUST_CLOSE
        assert peer.socket.recv(1) == b""

    with_server(client)


WEBSOCKET_8 = [
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "8"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(
    ("target", "fields", "upgrade"),
    [
        ("/socket", [("Connection", "Upgrade"), *WEBSOCKET_8], "websocket"),
        ("/socket", [("Connection", "Upgrade, close"), *WEBSOCKET_8], "websocket"),
        ("/upgrading", [], "TLS/1.2, HTTP/2.0"),
        ("/upgrading", [("Connection", "close")], "TLS/1.2, HTTP/2.0"),
    ],
)
def test_WS15_a_426_names_its_upgrade_for_this_connection_and_leaves_it_as_it_was(
    target: str, fields: list[tuple[str, str]], upgrade: str, compress: bool
) -> None:
    """RFC 9110, 7.8 and 15.5.22. The connection goes on, unless the client has said that it does not."""
    closes = any("close" in value for _, value in fields)

    def client(address: tuple[str, int]) -> None:
        peer = Peer(address)
        peer.send(request("GET", target, *fields), h11.EndOfMessage())
        status, received, body = peer.response()
        assert (status, received["upgrade"], bool(body)) == (426, upgrade, True)
        assert received.get("sec-websocket-version") == ("13" if target == "/socket" else None)
        assert received["connection"] == ("Upgrade, close" if closes else "Upgrade")
        if closes:
            assert peer.connection.their_state is h11.MUST_CLOSE
            assert peer.socket.recv(1) == b""
        else:
            peer.again()
            peer.send(request("GET", "/echo?name=h11"), h11.EndOfMessage())
            assert peer.response()[2] == b"hello h11"

    with_server(client, compress_response=compress)


def test_h11s_client_is_understood_with_chunks_and_told_to_continue() -> None:
    def client(address: tuple[str, int]) -> None:
        peer = Peer(address)
        parts = [h11.Data(data=bytes([number]) * 10_000) for number in range(10)]
        peer.send(request("POST", "/echo", ("Transfer-Encoding", "chunked")), *parts, h11.EndOfMessage())
        assert peer.response()[2] == b"".join(part.data for part in parts)
        peer.again()
        peer.send(request("POST", "/echo", ("Content-Length", "5"), ("Expect", "100-continue")))
        while not isinstance(event := peer.connection.next_event(), h11.InformationalResponse):
            assert event is h11.NEED_DATA
            peer.connection.receive_data(peer.socket.recv(65536))
        assert event.status_code == 100
        peer.send(h11.Data(data=b"hello"), h11.EndOfMessage())
        assert peer.response()[2] == b"hello"

    with_server(client)


class Server:
    """An h11 server that answers each request by what its target asks for, one connection at a time."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.requests: list[tuple[bytes, bytes, bytes]] = []
        self.connections = 0
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                sock, _ = self.listening.accept()
            except OSError:
                return
            self.connections += 1
            with sock:
                sock.settimeout(SECONDS)
                self.serve_connection(sock)

    def serve_connection(self, sock: socket.socket) -> None:
        connection = h11.Connection(h11.SERVER)
        head, body = None, b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                if connection.they_are_waiting_for_100_continue:
                    sock.sendall(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                connection.receive_data(sock.recv(65536))
            elif isinstance(event, h11.Request):
                head, body = event, b""
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                self.requests.append((head.method, head.target, body))
                for answer in self.answers(head.target, body):
                    sock.sendall(connection.send(answer) or b"")
                if connection.our_state is h11.MUST_CLOSE:
                    return
                connection.start_next_cycle()
            elif isinstance(event, h11.ConnectionClosed):
                return

    @staticmethod
    def answers(target: bytes, body: bytes) -> Iterator[h11.Event]:
        fields: list[tuple[str, str]] = []
        if target == b"/length":
            fields = [("Content-Length", str(len(body)))]
        elif target == b"/close":
            fields = [("Connection", "close")]
        yield h11.Response(status_code=200, headers=fields)
        for start in range(0, len(body), 7):
            yield h11.Data(data=body[start : start + 7])
        yield h11.EndOfMessage()

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def fetching(use: Callable[[AsyncHTTPClient], Awaitable[None]]) -> None:
    async def main() -> None:
        async with AsyncHTTPClient() as client:
            await use(client)

    asyncio.run(main())


def test_h11s_server_understands_our_client_and_is_understood(server: Server) -> None:
    body = b"0123456789" * 50

    async def use(client: AsyncHTTPClient) -> None:
        for target in ("/length", "/chunked"):
            response = await client.fetch(server.url + target, method="POST", body=body)
            assert response.body == body
        assert response.headers["Transfer-Encoding"] == "chunked"
        response = await client.fetch(server.url + "/length", method="POST", body=body, expect_100_continue=True)
        assert response.body == body
        assert server.connections == 1
        response = await client.fetch(server.url + "/close", method="POST", body=body)
        assert response.body == body

    fetching(use)
    targets = (b"/length", b"/chunked", b"/length", b"/close")
    assert server.requests == [(b"POST", target, body) for target in targets]


def test_h11s_server_gets_a_body_in_parts_from_our_client(server: Server) -> None:
    async def use(client: AsyncHTTPClient) -> None:
        async def produce(write: Callable[[bytes], Awaitable[None]]) -> None:
            for number in range(5):
                await write(b"part %d;" % number)

        response = await client.fetch(server.url + "/chunked", method="PUT", body_producer=produce)
        assert response.body == b"part 0;part 1;part 2;part 3;part 4;"

    fetching(use)
    assert server.requests == [(b"PUT", b"/chunked", b"part 0;part 1;part 2;part 3;part 4;")]
