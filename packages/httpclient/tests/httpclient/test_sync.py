"""HTTPClient: blocking, without a loop, or with one in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import warnings

import pytest

from waterspout.httpclient import (
    AsyncHTTPClient,
    HTTPClient,
    HTTPClientError,
    HTTPStreamClosedError,
    HTTPTimeoutError,
    Phase,
    ProtocolError,
    ResolveError,
    Retries,
    SimpleAsyncHTTPClient,
    TLSError,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def answer(connection):
    while connection.recv(65536):
        connection.sendall(OK)


#: What a client of each kind is made with: the second is for an asynchronous client.
KINDS = pytest.mark.parametrize("options", [{}, {"max_clients": 10}], ids=["alone", "on a loop"])


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "HTTPClient"]


@KINDS
def test_fetch_blocks_and_returns_the_response(thread_peer, options):
    url = f"http://127.0.0.1:{thread_peer(answer)}/"
    with HTTPClient(**options) as http:
        assert bool(threads()) is bool(options)
        assert http.fetch(url).body == b"hello"
        assert http.fetch(url, method="POST", body="x").code == 200
    assert not threads()


@KINDS
def test_it_works_inside_a_running_loop(thread_peer, options):
    url = f"http://127.0.0.1:{thread_peer(answer)}/"

    async def main():
        with HTTPClient(**options) as http:
            return http.fetch(url).body

    assert asyncio.run(main()) == b"hello"


@KINDS
def test_errors_are_raised_here(thread_peer, options):
    def not_found(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    url = f"http://127.0.0.1:{thread_peer(not_found)}/"
    with HTTPClient(**options) as http:
        with pytest.raises(HTTPClientError, match="404"):
            http.fetch(url)
        assert http.fetch(url, raise_error=False).code == 404
        with pytest.raises(ValueError, match="scheme"):
            http.fetch("ftp://h/")


@KINDS
def test_timeout_is_raised_here(thread_peer, options):
    url = f"http://127.0.0.1:{thread_peer(lambda connection: connection.recv(65536) and connection.recv(65536))}/"
    with HTTPClient(**options) as http, pytest.raises(HTTPTimeoutError):
        http.fetch(url, request_timeout=0.05)


def test_several_threads_may_share_a_client(thread_peer):
    port = thread_peer(lambda connection: connection.recv(65536) and connection.sendall(OK))
    bodies = []
    with HTTPClient() as http:

        def work():
            bodies.extend(http.fetch(f"http://127.0.0.1:{port}/").body for _ in range(5))

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert bodies == [b"hello"] * 20


def test_close_may_be_called_twice_and_ends_fetching():
    http = HTTPClient()
    http.close()
    http.close()
    with pytest.raises(RuntimeError, match="closed"):
        http.fetch("http://127.0.0.1/")


def test_forgotten_client_closes_itself():
    http = HTTPClient(max_clients=3)
    assert threads()
    del http
    gc.collect()
    assert not threads()


def test_error_in_the_constructor_is_raised_here():
    with pytest.raises(TypeError):
        HTTPClient(no_such_option=1)
    assert not threads()


def test_class_and_arguments_of_the_asynchronous_client_can_be_chosen(thread_peer):
    class Mine(SimpleAsyncHTTPClient):
        pass

    url = f"http://127.0.0.1:{thread_peer(answer)}/"
    with HTTPClient(Mine, defaults={"user_agent": "mine"}) as http:
        assert http.fetch(url).code == 200
        assert (
            type(http._threaded.async_client) is Mine and http._threaded.async_client.defaults["user_agent"] == "mine"
        )
    assert issubclass(Mine, AsyncHTTPClient)


# -- without a loop


def pieces(*parts, then_close=False):
    """A handler that answers each request with *parts*, one after the other."""

    def handler(connection):
        while connection.recv(65536):
            for part in parts:
                connection.sendall(part)
            if then_close:
                return

    return handler


def test_one_connection_serves_many_requests_and_a_dead_one_is_replaced(thread_peer):
    accepted = []

    def handler(connection):
        accepted.append(connection)
        for _ in range(2):
            if not connection.recv(65536):
                return
            connection.sendall(OK)

    url = f"http://127.0.0.1:{thread_peer(handler)}/"
    with HTTPClient() as http:
        for _ in range(5):
            assert http.fetch(url).body == b"hello"
        assert len(accepted) == 3
        assert not threads()


def test_post_is_not_sent_twice_without_a_loop_either(thread_peer):
    received = []

    def handler(connection):
        received.append(connection.recv(65536))
        connection.sendall(OK)
        received.append(connection.recv(65536))

    url = f"http://127.0.0.1:{thread_peer(handler)}/"
    with HTTPClient() as http:
        http.fetch(url)
        with pytest.raises(HTTPStreamClosedError):
            http.fetch(url, method="POST", body=b"pay")
        assert sum(b"pay" in request for request in received) == 1


def test_redirects_codings_and_chunks_work_without_a_loop(thread_peer):
    import gzip

    packed = gzip.compress(b"x" * 100_000)

    def handler(connection):
        while request := connection.recv(65536):
            if request.startswith(b"GET /moved "):
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed)
                )
            else:
                connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /moved\r\nContent-Length: 0\r\n\r\n")

    with HTTPClient() as http:
        response = http.fetch(f"http://127.0.0.1:{thread_peer(handler)}/")
        assert response.body == b"x" * 100_000 and response.effective_url.endswith("/moved")
        assert response.time_info["total"] >= response.time_info["starttransfer"] > 0


def test_large_body_meets_a_server_that_answers_before_it_has_read_it(thread_peer):
    def handler(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        threading.Event().wait(0.3)

    with HTTPClient() as http:
        response = http.fetch(
            f"http://127.0.0.1:{thread_peer(handler)}/", method="POST", body=bytes(50_000_000), raise_error=False
        )
        assert response.code == 413


def test_large_bodies_go_both_ways_without_a_loop(thread_peer):
    body = bytes(range(256)) * 40_000

    def handler(connection):
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        received = bytearray(head.partition(b"\r\n\r\n")[2])
        while len(received) < len(body):
            received += connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(received) + received)

    with HTTPClient() as http:
        assert http.fetch(f"http://127.0.0.1:{thread_peer(handler)}/", method="POST", body=body).body == body


@pytest.mark.parametrize(
    ("answer_bytes", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", ProtocolError),
        (b"garbage\r\n\r\n", ProtocolError),
        (b"", HTTPStreamClosedError),
    ],
)
def test_broken_answers_are_errors_without_a_loop(thread_peer, answer_bytes, error):
    url = f"http://127.0.0.1:{thread_peer(pieces(answer_bytes, then_close=True))}/"
    with HTTPClient() as http, pytest.raises(error):
        http.fetch(url)


def test_connection_with_unasked_bytes_is_not_used_again_without_a_loop(thread_peer):
    url = f"http://127.0.0.1:{thread_peer(pieces(OK, b'HTTP/1.1 200 OK'))}/"
    with HTTPClient() as http:
        for _ in range(3):
            try:
                assert http.fetch(url).body == b"hello"
            except HTTPClientError:  # the bytes came in between: an error is as good
                continue


def test_slow_answer_meets_the_total_timeout_and_retries_wait_without_a_loop(thread_peer):
    def drip(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"x")
            threading.Event().wait(0.02)

    calls = []

    def busy(connection):
        while connection.recv(65536):
            calls.append(1)
            connection.sendall(OK if len(calls) > 2 else b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")

    with HTTPClient() as http:
        with pytest.raises(HTTPTimeoutError):
            http.fetch(f"http://127.0.0.1:{thread_peer(drip)}/", request_timeout=0.3)
        url = f"http://127.0.0.1:{thread_peer(busy)}/"
        assert http.fetch(url, retries=Retries(3, backoff=0.01)).body == b"hello" and len(calls) == 3


def test_https_is_checked_and_kept_without_a_loop(thread_peer, tls_server, certificate):
    context = tls_server()
    handshakes = []

    def handler(connection):
        with context.wrap_socket(connection, server_side=True) as secured:
            handshakes.append(1)
            while secured.recv(65536):
                secured.sendall(OK)

    def failing(connection):
        with contextlib.suppress(OSError):
            handler(connection)

    port = thread_peer(failing)
    with HTTPClient(defaults={"ca_certs": certificate()[0]}) as http:
        for _ in range(3):
            assert http.fetch(f"https://127.0.0.1:{port}/").body == b"hello"
        assert len(handshakes) == 1
        with pytest.raises(TLSError):
            http.fetch(f"https://localhost:{port}/")
    with HTTPClient() as http, pytest.raises(TLSError):
        http.fetch(f"https://127.0.0.1:{port}/")
    assert not threads()


def test_truncation_under_tls_is_an_error_without_a_loop(thread_peer, tls_server, certificate):
    context = tls_server()

    def handler(connection):
        secured = context.wrap_socket(connection, server_side=True)
        secured.recv(65536)
        secured.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
        socket.socket.shutdown(secured, socket.SHUT_RDWR)
        secured.close()

    with HTTPClient(defaults={"ca_certs": certificate()[0]}) as http, pytest.raises(HTTPClientError):
        http.fetch(f"https://127.0.0.1:{thread_peer(handler)}/")


def test_names_are_resolved_and_those_that_do_not_exist_are_errors(thread_peer):
    with HTTPClient() as http:
        assert http.fetch(f"http://localhost:{thread_peer(answer)}/").body == b"hello"
        with pytest.raises(ResolveError):
            http.fetch("http://does-not-exist.invalid/")
    assert not threads()


def test_stalled_connect_and_handshake_meet_the_connect_timeout_without_a_loop(thread_peer, certificate):
    port = thread_peer(lambda connection: connection.recv(65536) and connection.recv(65536))
    options = {"defaults": {"ca_certs": certificate()[0]}}
    with HTTPClient(**options) as http, pytest.raises(HTTPTimeoutError) as caught:
        http.fetch(f"https://127.0.0.1:{port}/", connect_timeout=1.0)
    assert caught.value.phase is Phase.TLS


def test_address_that_does_not_answer_holds_nobody_up(thread_peer, monkeypatch):
    import waterspout.httpclient._blocking_stream as module

    port = thread_peer(answer)
    # A queue that is full: further connections are not even refused.
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    fillers = [socket.socket() for _ in range(3)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
    refusing = socket.create_server(("127.0.0.1", 0))
    refused = refusing.getsockname()
    refusing.close()

    def addresses(host, asked_port, *options):
        if socket.AI_NUMERICHOST in options[3:]:
            raise socket.gaierror("a name")
        tcp = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
        return [(*tcp, full.getsockname()), (*tcp, refused), (*tcp, ("127.0.0.1", port))]

    monkeypatch.setattr(module.socket, "getaddrinfo", addresses)
    with HTTPClient() as http:
        assert http.fetch("http://server.example/", connect_timeout=10).body == b"hello"
    for sock in [full, *fillers]:
        sock.close()


def test_families_take_turns():
    from waterspout.httpclient._blocking_stream import _families_in_turn

    assert _families_in_turn([(6, 1), (6, 2), (6, 3), (4, 1)]) == [(6, 1), (4, 1), (6, 2), (6, 3)]


def test_what_needs_a_loop_gets_one(thread_peer):
    received = []

    async def produce(write):
        await write(b"made")

    url = f"http://127.0.0.1:{thread_peer(answer)}/"
    with HTTPClient() as http:
        http.fetch(url)
        assert not threads()
        http.fetch(url, streaming_callback=received.append)
        assert received == [b"hello"] and threads()
        assert http.fetch(url, method="POST", body_producer=produce).code == 200


def test_configured_client_and_proxies_of_the_environment_are_used(thread_peer, monkeypatch):
    class Mine(SimpleAsyncHTTPClient):
        pass

    url = f"http://127.0.0.1:{thread_peer(answer)}/"
    saved = AsyncHTTPClient._save_configuration()
    try:
        AsyncHTTPClient.configure(Mine)
        with HTTPClient() as http:
            assert http.fetch(url).code == 200 and threads()
    finally:
        AsyncHTTPClient._restore_configuration(saved)
    monkeypatch.setenv("http_proxy", url)
    with HTTPClient() as http:
        assert http.fetch("http://server.invalid/").body == b"hello" and threads()


def test_program_that_only_fetches_loads_no_event_loop(thread_peer):
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from waterspout.httpclient import HTTPClient\n"
        "with HTTPClient() as http:\n"
        "    print(http.fetch(sys.argv[1]).body.decode())\n"
        "heavy = {'asyncio', 'ssl', 'logging', 'inspect', 'dataclasses', 'concurrent.futures', 'urllib.parse'}\n"
        "print(sorted(heavy & sys.modules.keys() - before))\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    url = f"http://127.0.0.1:{thread_peer(answer)}/"
    ended = subprocess.run(
        [sys.executable, "-c", code, url], capture_output=True, text=True, env=environment, timeout=60
    )
    assert ended.stdout == "hello\n[]\n", ended.stderr


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_tls_connection_that_the_server_has_closed_with_goodbye_is_not_used_again(
    thread_peer, tls_server, certificate, method
):
    """Nobody reads between two fetches: the alert that announces the close is still there."""
    context = tls_server()

    def handler(connection):
        with context.wrap_socket(connection, server_side=True) as secured:
            if secured.recv(65536):
                secured.sendall(OK)
                with contextlib.suppress(OSError):
                    secured.unwrap()

    port = thread_peer(handler)
    options = {"method": method, "body": None if method == "GET" else "pay", "ca_certs": certificate()[0]}
    with HTTPClient() as http:
        for _ in range(3):
            assert http.fetch(f"https://127.0.0.1:{port}/", **options).body == b"hello"
            (connection,) = next(iter(http._blocking.pool.routes.values())).idle
            assert select.select([connection.stream.socket.fileno()], [], [], 20)[0]


def in_forked_process(work):
    """Whether *work* was done in a fork of this process, within 20 seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads, which is what is tested
        child = os.fork()
    if not child:
        signal.alarm(20)
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


@KINDS
def test_forked_process_makes_connections_of_its_own(thread_peer, options):
    """It neither shares a connection with its parent, whose answers it would take, nor waits for a thread it lacks."""
    connections = []

    def handler(connection):
        connections.append(connection)
        answer(connection)

    url = f"http://127.0.0.1:{thread_peer(handler)}/"
    with HTTPClient(**options) as http:
        assert http.fetch(url).body == b"hello"
        assert in_forked_process(lambda: http.fetch(url))
        assert len(connections) == 2
        assert http.fetch(url).body == b"hello"
        assert len(connections) == 2


@KINDS
def test_forked_process_may_close_what_it_inherits(thread_peer, options):
    url = f"http://127.0.0.1:{thread_peer(answer)}/"
    with HTTPClient(**options) as http:
        assert http.fetch(url).body == b"hello"
        assert in_forked_process(http.close)
        assert http.fetch(url).body == b"hello"


@KINDS
@pytest.mark.parametrize("threads", [1, 5])
def test_close_ends_the_fetches_of_other_threads(thread_peer, options, threads):
    arrived = threading.Semaphore(0)

    def handler(connection):
        while connection.recv(65536):
            arrived.release()  # and there is no answer

    url = f"http://127.0.0.1:{thread_peer(handler)}/"
    http = HTTPClient(**options)
    errors = []

    def fetch():
        with pytest.raises(HTTPStreamClosedError) as caught:
            http.fetch(url, request_timeout=50)
        errors.append(caught.value)

    fetching = [threading.Thread(target=fetch, daemon=True) for _ in range(threads)]
    for thread in fetching:
        thread.start()
    for _ in fetching:
        assert arrived.acquire(timeout=20)
    http.close()
    for thread in fetching:
        thread.join(20)
    assert len(errors) == threads
    with pytest.raises(RuntimeError):
        http.fetch(url)
