"""What a request says of itself, and what may be assigned."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from waterspout.http1 import RequestReader
from waterspout.httputil import HTTPFile, HTTPHeaders, HTTPInputError, HTTPServerRequest, parse_body_arguments
from waterspout.util import set_compat_default

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def as_tornado() -> Iterator[None]:
    set_compat_default("tornado")
    yield
    set_compat_default("waterspout")


def made_by_hand(body: bytes = b"a=1&a=2") -> HTTPServerRequest:
    return HTTPServerRequest("POST", "/?q=0&a=0", headers=HTTPHeaders({"Content-Type": FORM}), body=body)


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


def test_the_form_of_a_request_made_by_hand_is_parsed_when_it_is_asked_for() -> None:
    request = made_by_hand()
    assert request.body_arguments == {"a": [b"1", b"2"]}
    assert request.arguments == {"q": [b"0"], "a": [b"0", b"1", b"2"]}
    request.parse_body()
    assert request.body_arguments == {"a": [b"1", b"2"]}


@pytest.mark.usefixtures("as_tornado")
def test_in_tornados_manner_who_makes_a_request_parses_its_body_into_it() -> None:
    request = made_by_hand()
    assert (request.body_arguments, request.files, request.arguments) == ({}, {}, {"q": [b"0"], "a": [b"0"]})
    parse_body_arguments(FORM, request.body, request.body_arguments, request.files)
    assert request.body_arguments == {"a": [b"1", b"2"]}


@pytest.mark.usefixtures("as_tornado")
@pytest.mark.parametrize("look_first", [False, True])
def test_in_tornados_manner_or_has_it_parsed(look_first: bool) -> None:
    upload = HTTPFile(filename="f", body=b"", content_type="x/y")
    request = HTTPServerRequest(
        "POST", "/?q=0&a=0", headers=HTTPHeaders({"Content-Type": FORM}), body=b"a=1", files={"f": [upload]}
    )
    if look_first:
        assert request.arguments == {"q": [b"0"], "a": [b"0"]}
    request._parse_body()
    assert request.body_arguments == {"a": [b"1"]}
    assert request.arguments == {"q": [b"0"], "a": [b"0", b"1"]}
    assert request.files == {"f": [upload]}


def test_who_looks_at_the_arguments_before_the_body_is_there_does_not_lose_those_of_the_body() -> None:
    (request,) = RequestReader().receive(
        f"POST /?q=0 HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: 3\r\n\r\n".encode()
    )[:1]
    assert request.arguments == {"q": [b"0"]} and request.files == {}
    request.body = b"a=1"
    request.parse_body()
    assert request.body_arguments == {"a": [b"1"]} and request.arguments == {"q": [b"0"], "a": [b"1"]}


MULTIPART = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=B\r\n"


@pytest.mark.parametrize("framing", [b"Content-Length: 0\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"])
def test_MP4_an_empty_form_is_refused_by_parse_body_and_not_by_who_looks_early(framing: bytes) -> None:
    request = RequestReader().receive(MULTIPART + framing)[0]
    assert (request.body_arguments, request.files) == ({}, {}), "it may be on its way still"
    with pytest.raises(HTTPInputError, match="without its boundary"):
        request.parse_body()


def test_a_request_without_a_body_has_no_form_whatever_its_type() -> None:
    (request,) = RequestReader().receive(MULTIPART + b"\r\n")
    request.parse_body()
    assert (request.body_arguments, request.files) == ({}, {})
