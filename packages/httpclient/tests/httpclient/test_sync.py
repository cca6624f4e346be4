"""HTTPClient: blocking, in a thread of its own."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from waterspout.httpclient import AsyncHTTPClient, HTTPClient, HTTPClientError, HTTPTimeoutError, SimpleAsyncHTTPClient

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def answer(connection):
    while connection.recv(65536):
        connection.sendall(OK)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "HTTPClient"]


def test_fetch_blocks_and_returns_the_response(thread_peer):
    url = f"http://127.0.0.1:{thread_peer(answer)}/"
    with HTTPClient() as http:
        assert http.fetch(url).body == b"hello"
        assert http.fetch(url, method="POST", body="x").code == 200
    assert not threads()


def test_it_works_inside_a_running_loop(thread_peer):
    url = f"http://127.0.0.1:{thread_peer(answer)}/"

    async def main():
        with HTTPClient() as http:
            return http.fetch(url).body

    assert asyncio.run(main()) == b"hello"


def test_errors_are_raised_here(thread_peer):
    def not_found(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    url = f"http://127.0.0.1:{thread_peer(not_found)}/"
    with HTTPClient() as http:
        with pytest.raises(HTTPClientError, match="404"):
            http.fetch(url)
        assert http.fetch(url, raise_error=False).code == 404
        with pytest.raises(ValueError, match="scheme"):
            http.fetch("ftp://h/")


def test_timeout_is_raised_here(thread_peer):
    url = f"http://127.0.0.1:{thread_peer(lambda connection: connection.recv(65536) and connection.recv(65536))}/"
    with HTTPClient() as http, pytest.raises(HTTPTimeoutError):
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
    http = HTTPClient()
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
        assert type(http._async_client) is Mine and http._async_client.defaults["user_agent"] == "mine"
    assert issubclass(Mine, AsyncHTTPClient)
