"""Fixtures of the streams' tests: connected sockets, receivers, streams with TLS."""

import asyncio
import socket
import ssl

import pytest

from waterspout.iostream import IOStream, SSLIOStream


@pytest.fixture
def sockets():
    """Two connected TCP sockets; the second blocks (for at most five seconds) and is the peer's."""
    opened = []

    def connected():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            theirs, _ = listener.accept()
        theirs.settimeout(5)
        opened.extend((ours, theirs))
        return ours, theirs

    yield connected
    for sock in opened:
        sock.close()


@pytest.fixture
def connect(sockets):
    """A stream, and the peer's blocking socket. Call it inside the loop; keywords are the stream's."""

    def connect(kind=IOStream, **keywords):
        ours, theirs = sockets()
        return kind(ours, **keywords), theirs

    return connect


class Recorder:
    """A receiver that writes everything down."""

    def __init__(self, stays_open=False):
        self.stays_open = stays_open
        self.chunks = []
        self.calls = []
        self.error = None
        self.lost = asyncio.Event()
        self.arrived = asyncio.Event()

    @property
    def data(self):
        return b"".join(self.chunks)

    def data_received(self, data):
        assert type(data) is bytes
        self.calls.append("data")
        self.chunks.append(data)
        self.arrived.set()

    def eof_received(self):
        self.calls.append("eof")
        self.arrived.set()
        return self.stays_open

    def connection_lost(self, error):
        self.calls.append("lost")
        self.error = error
        self.lost.set()

    def writable(self):
        self.calls.append("writable")

    async def wait_for(self, size):
        while len(self.data) < size:
            self.arrived.clear()
            await self.arrived.wait()
        return self.data


@pytest.fixture
def recorder():
    """The class of receivers that write everything down."""
    return Recorder


def report_truncation(context):
    """What users of an SSLSocket have to do on Python up to 3.11.2, which otherwise has OpenSSL hide it."""
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


@pytest.fixture(params=["memory", "sslsocket"])
def tls_pair(request, sockets, server_tls, client_tls):
    """A client's and a server's stream with TLS complete; the server's wraps by itself, or is handed an SSLSocket."""

    async def tls_pair(**keywords):
        ours, theirs = sockets()
        if request.param == "memory":
            server = SSLIOStream(theirs, ssl_options=server_tls, server_side=True, **keywords)
        else:
            report_truncation(server_tls)
            wrapped = server_tls.wrap_socket(theirs, server_side=True, do_handshake_on_connect=False)
            server = SSLIOStream(wrapped, **keywords)
        client = SSLIOStream(ours, ssl_options=client_tls, server_hostname="localhost", **keywords)
        await asyncio.gather(client.wait_for_handshake(), server.wait_for_handshake())
        return client, server

    return tls_pair
