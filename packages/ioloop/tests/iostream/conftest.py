"""Fixtures of the streams' tests: a loop of each kind, connected sockets, receivers, TLS contexts."""

import asyncio
import socket
import ssl
import subprocess

import pytest

from waterspout.ioloop import new_event_loop
from waterspout.iostream import IOStream, SSLIOStream


def _loop_kinds():
    kinds = {"waterspout": new_event_loop, "stock": asyncio.SelectorEventLoop}
    try:
        import uvloop
    except ImportError:
        return kinds
    return {**kinds, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=_loop_kinds())
def new_loop(request):
    """The factory of each kind of loop."""
    return _loop_kinds()[request.param]


@pytest.fixture
def run(new_loop):
    """Run a coroutine function to its end on each kind of loop; it fails after ten seconds."""

    def run(main):
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(asyncio.wait_for(main(), 10))

    return run


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


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Paths of a certificate for localhost and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost"],
        check=True,
        capture_output=True,
    )
    return str(certificate), str(key)


@pytest.fixture
def server_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def client_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate[0])
    return context


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
