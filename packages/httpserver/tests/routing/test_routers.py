"""Rules, routers and what they lead to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest, ResponseStartLine
from waterspout.routing import (
    AnyMatches,
    HostMatches,
    PathMatches,
    ReversibleRuleRouter,
    Router,
    Rule,
    RuleRouter,
    URLSpec,
)
from waterspout.util import set_compat_default

Exchange = Callable[..., tuple[bytes, bool]]


def answer(connection: Any, body: bytes) -> None:
    connection.write_headers(ResponseStartLine("", 200, "OK"), HTTPHeaders({"Content-Length": str(len(body))}), body)
    connection.finish()


def says(text: str) -> Callable[[HTTPServerRequest], None]:
    return lambda request: answer(request.connection, text.encode() + request.body)


def get(exchange: Exchange, app: Any, path: str, host: str = "a", body: bytes = b"") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return exchange(app, head, body)[0]


def test_rules_lead_to_callables_and_routers(exchange: Exchange) -> None:
    inner = RuleRouter([("/in/deep", says("deep"))])
    app = RuleRouter([("/a", says("a")), (HostMatches("b[.]example"), says("host")), ("/in.*", inner)])
    assert get(exchange, app, "/a", body=b"+body").endswith(b"a+body")
    assert get(exchange, app, "/x", "b.example:80").endswith(b"host")
    assert get(exchange, app, "/in/deep").endswith(b"deep")
    assert get(exchange, app, "/nowhere").startswith(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


def test_a_callable_gets_the_groups_it_has_names_for(exchange: Exchange) -> None:
    def page(request: HTTPServerRequest, path_args: list[bytes]) -> None:
        answer(request.connection, b"|".join(path_args))

    assert get(exchange, RuleRouter([("/(.*)/(.*)", page)]), "/a%20b/c").endswith(b"a b|c")


class Own(Router):
    """A router written by hand, with a delegate of its own."""

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate:
        class Delegate(HTTPMessageDelegate):
            def finish(self) -> None:
                answer(request.connection, request.path.encode())

        return Delegate()


def test_a_router_written_by_hand_serves(exchange: Exchange) -> None:
    assert get(exchange, Own(), "/x?y").endswith(b"\r\n\r\n/x")


def test_reverse_url_fills_groups_in_and_asks_nested_routers() -> None:
    inner = ReversibleRuleRouter([URLSpec("/in/([0-9]+)", says(""), name="in")])
    router = ReversibleRuleRouter([URLSpec("/s/(?P<id>.*)/x", says(""), name="s"), (AnyMatches(), inner)])
    assert router.reverse_url("s", "a/b é") == "/s/a%2Fb%20%C3%A9/x"
    assert router.reverse_url("in", 5) == "/in/5"
    assert router.reverse_url("unknown") is None


def test_a_nested_router_that_raises_for_a_name_does_not_hide_it_in_the_next() -> None:
    class Application(ReversibleRuleRouter):
        def reverse_url(self, name: str, *args: Any) -> str | None:
            raise KeyError(name)

    inner = ReversibleRuleRouter([Rule(PathMatches("/in/(.*)"), says("in"), name="in")])
    outer = ReversibleRuleRouter([(AnyMatches(), Application()), (AnyMatches(), inner)])
    assert outer.reverse_url("in", "x") == "/in/x" and outer.reverse_url("nowhere") is None


def test_RD9_a_slash_in_a_reversed_argument_stays_where_tornados_ways_are_the_default() -> None:
    router = ReversibleRuleRouter([URLSpec("/s/(.*)/x", says(""), name="s")])
    set_compat_default("tornado")
    try:
        assert router.reverse_url("s", "a/b ?#é") == "/s/a/b%20%3F%23%C3%A9/x"
    finally:
        set_compat_default("waterspout")
    assert router.reverse_url("s", "a/b") == "/s/a%2Fb/x"


@pytest.mark.parametrize("argument", ["//evil", "..", "%2f", "?x=1"])
def test_RD9_reversed_arguments_stay_inside_their_segment(argument: str) -> None:
    url = ReversibleRuleRouter([URLSpec("/p/(.*)", says(""), name="p")]).reverse_url("p", argument)
    assert url is not None and url.startswith("/p/") and not set("/?#") & set(url[3:])


def test_what_cannot_be_reversed_says_so() -> None:
    with pytest.raises(ValueError, match="Cannot reverse"):
        PathMatches(r"/\d").reverse()
    with pytest.raises(TypeError, match="1 arguments, not 0"):
        PathMatches("/(.*)").reverse()


def test_groups_are_all_named_or_all_positional() -> None:
    with pytest.raises(ValueError, match="either be all named or all positional"):
        PathMatches("/(a)/(?P<b>c)")


def test_rules_are_checked_and_named_once(caplog: Any) -> None:
    with pytest.raises(ValueError, match="2 to 4 parts"):
        RuleRouter([("/a",)])
    ReversibleRuleRouter([URLSpec("/a", says(""), name="n"), URLSpec("/b", says(""), name="n")])
    assert "Multiple handlers named n" in caplog.text


def test_rules_added_later_count() -> None:
    router = RuleRouter([])
    assert list(router.current_index().candidates("/a")) == []
    router.add_rules([Rule(PathMatches("/a"), says("a"))])
    assert len(router.current_index().candidates("/a")) == 1


class InParts:
    """An application that takes bodies as they come, with the groups it has names for."""

    def __init__(self) -> None:
        self.opened: list[Any] = []
        self.parts: list[bytes] = []

    def open_request(self, request: HTTPServerRequest, path_args: Any = ()) -> HTTPMessageDelegate | None:
        self.opened.append(path_args)
        return None if request.path.endswith("whole") else Parts(self, request)

    def serve_request(self, request: HTTPServerRequest) -> None:
        answer(request.connection, b"whole " + request.body)

    __call__ = serve_request


class Parts(HTTPMessageDelegate):
    def __init__(self, application: InParts, request: HTTPServerRequest) -> None:
        self.application = application
        self.request = request

    def data_received(self, chunk: bytes) -> None:
        self.application.parts.append(chunk)

    def finish(self) -> None:
        answer(self.request.connection, b"parts " + b"".join(self.application.parts))


@pytest.mark.parametrize("nested", [False, True])
def test_an_application_behind_a_router_gets_bodies_as_they_come(exchange: Exchange, nested: bool) -> None:
    app = InParts()
    router: Any = RuleRouter([("/in/(.*)", app)])
    if nested:
        router = RuleRouter([("/in/.*", router)])
    head = b"POST /in/%b HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n"
    received, _ = exchange(router, head % b"x", 0.05, b"abc", 0.05, b"def")
    assert received.endswith(b"parts abcdef") and app.parts == [b"abc", b"def"] and app.opened == [[b"x"]]
    received, _ = exchange(router, head % b"whole", 0.05, b"abc", 0.05, b"def")
    assert received.endswith(b"whole abcdef"), "it wants whole requests"
    received, _ = exchange(router, head % b"x" + b"abcdef")
    assert received.endswith(b"whole abcdef"), "it was whole already"
