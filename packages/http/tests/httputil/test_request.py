"""What a request says of itself, and what may be assigned."""

from types import SimpleNamespace
from typing import Any

from waterspout.http1 import RequestReader
from waterspout.httputil import HTTPServerRequest


def test_a_request_came_on_the_connection_that_answers_it_unless_it_is_said_otherwise() -> None:
    connection: Any = object()
    (request,) = RequestReader().receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert request.server_connection is None
    (request,) = RequestReader().receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    request.connection = connection
    assert request.server_connection is connection
    assert HTTPServerRequest("GET", "/", connection=connection).server_connection is None
    other = object()
    assert HTTPServerRequest("GET", "/", connection=connection, server_connection=other).server_connection is other
    request.server_connection = other
    assert request.server_connection is other


def test_what_few_requests_have_is_there_in_all_of_them() -> None:
    (request,) = RequestReader().receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    for one in (request, HTTPServerRequest("GET", "/")):
        assert (one.upgrade, one.expect_continue, one.chunked, one.content_length) == (None, False, False, None)


def test_an_address_that_is_assigned_replaces_that_of_the_connection_even_if_it_is_none() -> None:
    connection: Any = SimpleNamespace(context=SimpleNamespace(remote_ip="192.0.2.1", protocol="http"))
    request = HTTPServerRequest("GET", "/", connection=connection)
    assert request.remote_ip == "192.0.2.1"
    request.remote_ip = "192.0.2.2"
    assert request.remote_ip == "192.0.2.2"
    request.remote_ip = None
    assert request.remote_ip is None
