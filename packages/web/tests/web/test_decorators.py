"""addslash, removeslash, authenticated, stream_request_body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.web import Application, RequestHandler, addslash, authenticated, removeslash, stream_request_body

Fetch = Callable[..., HTTPResponse]
Raw = Callable[..., bytes]


class Member(RequestHandler):
    """For those who are signed in by a header."""

    def get_current_user(self) -> str | None:
        return self.request.headers.get("X-User")

    @authenticated
    def get(self) -> None:
        self.write(f"hello {self.current_user}")

    @authenticated
    async def post(self) -> None:
        await asyncio.sleep(0)
        self.write(f"posted by {self.current_user}")


def test_who_is_signed_in_is_served(fetch: Fetch) -> None:
    app = Application([("/", Member)], login_url="/login")
    assert fetch(app, headers={"X-User": "ann"}).body == b"hello ann"
    assert fetch(app, method="POST", body=b"", headers={"X-User": "ann"}).body == b"posted by ann"


def test_others_are_redirected_to_the_login_page_with_next(fetch: Fetch) -> None:
    app = Application([("/secret", Member)], login_url="/login")
    response = fetch(app, "/secret?a=1&b=%20")
    assert response.code == 302 and response.headers["Location"] == "/login?next=%2Fsecret%3Fa%3D1%26b%3D%2520"


def test_a_login_page_elsewhere_is_told_the_host_too(fetch: Fetch) -> None:
    app = Application([("/secret", Member)], login_url="https://login.example/in")
    location = fetch(app, "/secret", headers={"Host": "us.example"}).headers["Location"]
    assert location == "https://login.example/in?next=http%3A%2F%2Fus.example%2Fsecret"


def test_a_login_url_with_a_query_is_left_alone(fetch: Fetch) -> None:
    app = Application([("/", Member)], login_url="/login?from=here")
    assert fetch(app).headers["Location"] == "/login?from=here"


def test_a_request_that_changes_something_is_refused(fetch: Fetch) -> None:
    app = Application([("/", Member)], login_url="/login")
    assert fetch(app, method="POST", body=b"").code == 403


def test_without_a_login_url_the_setting_is_named(fetch: Fetch, caplog: Any) -> None:
    assert fetch(Application([("/", Member)])).code == 500
    assert "'login_url' setting" in caplog.text


class Slashes(RequestHandler):
    """Answers at its one proper path."""

    @addslash
    def get(self) -> None:
        self.write("with")

    @removeslash
    def delete(self) -> None:
        self.write("without")

    @addslash
    def post(self) -> None:
        self.write("posted")


class Plain(RequestHandler):
    """Answers without a slash."""

    @removeslash
    def get(self) -> None:
        self.write("without")


def test_slashes_are_added_and_the_query_is_kept(fetch: Fetch) -> None:
    response = fetch([("/a/?", Slashes)], "/a?x=1")
    assert (response.code, response.headers["Location"]) == (301, "/a/?x=1")
    assert fetch([("/a/?", Slashes)], "/a/").body == b"with"


def test_slashes_are_removed_and_the_query_is_kept(fetch: Fetch) -> None:
    response = fetch([("/a/*", Plain)], "/a//?x=1")
    assert (response.code, response.headers["Location"]) == (301, "/a?x=1")
    assert fetch([("/a/*", Plain)], "/a").body == b"without"


def test_methods_that_cannot_be_redirected_are_not_found(fetch: Fetch) -> None:
    assert fetch([("/a/?", Slashes)], "/a", method="POST", body=b"").code == 404


@pytest.mark.parametrize("path", ["//evil.com", "///evil.com", "/%5cevil.com", "//evil.com/..", "/%2fevil.com"])
@pytest.mark.parametrize(("compat", "code"), [("waterspout", 404), ("tornado", 403)])
def test_RD3_neither_ever_names_another_host(raw: Raw, caplog: Any, path: str, compat: str, code: int) -> None:
    app = Application([("/.*/", Plain), ("/.*", Slashes)], compat=compat)
    for target in (path, path + "/"):
        received = raw(app, f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert received.startswith(b"HTTP/1.1 %d" % code) and b"Location" not in received
    assert "cannot redirect path" in caplog.text


def test_only_handler_classes_can_stream_their_body() -> None:
    with pytest.raises(TypeError, match="RequestHandler"):
        stream_request_body(dict)  # type: ignore[type-var]


@stream_request_body
class Refusing(RequestHandler):
    """Answers before the body has come."""

    async def prepare(self) -> None:
        await asyncio.sleep(0)
        self.set_status(413)
        self.finish("too much")

    def data_received(self, chunk: bytes) -> None:
        raise AssertionError("nothing of the body is wanted")


def test_a_streamed_body_can_be_refused_from_the_head(raw: Raw) -> None:
    received = raw([("/", Refusing)], b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000)
    assert received.startswith(b"HTTP/1.1 413") and received.endswith(b"too much")
