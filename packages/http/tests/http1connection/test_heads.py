"""What heads get besides the caller's fields."""

from __future__ import annotations

import pytest

from waterspout.http1 import Framing
from waterspout.http1connection._heads import make_request_head, make_response_head
from waterspout.httputil import HTTPHeaders, HTTPOutputError, RequestStartLine, ResponseStartLine


def response(
    fields: dict[str, str], *, version: str = "HTTP/1.1", keep: bool = True, code: int = 200
) -> tuple[str, bool]:
    line = ResponseStartLine("", code, "OK")
    head, _, kept = make_response_head(line, HTTPHeaders(fields), "GET", version, keep, keep)
    return head.decode().partition("\r\n")[2].strip(), kept


def test_a_response_of_unknown_length_is_chunked_or_ends_with_the_connection() -> None:
    assert response({}) == ("Transfer-Encoding: chunked", True)
    assert response({}, version="HTTP/1.0") == ("Connection: close", False)
    assert response({"Content-Length": "3"}, version="HTTP/1.0") == (
        "Content-Length: 3\r\nConnection: Keep-Alive",
        True,
    )


def test_connection_close_is_said_and_obeyed() -> None:
    assert response({"Content-Length": "3"}, keep=False)[0].endswith("Connection: close")
    assert response({"Content-Length": "3", "Connection": "Close"})[1] is False


@pytest.mark.parametrize(
    ("given", "keep", "version", "said"),
    [
        (None, True, "HTTP/1.1", "Upgrade"),
        (None, False, "HTTP/1.1", "Upgrade, close"),
        (None, True, "HTTP/1.0", "Upgrade, Keep-Alive"),
        (None, False, "HTTP/1.0", "Upgrade, close"),
        ("Upgrade", True, "HTTP/1.1", "Upgrade"),
        ("upgrade", False, "HTTP/1.1", "upgrade, close"),
        ("close", True, "HTTP/1.1", "close, Upgrade"),
        ("close, upgrade", True, "HTTP/1.0", "close, upgrade"),
        ("keep-alive", True, "HTTP/1.1", "keep-alive, Upgrade"),
        ("keep-alive", False, "HTTP/1.1", "Upgrade, close"),
    ],
)
def test_a_426_names_its_upgrade_in_connection_beside_what_becomes_of_it(
    given: str | None, keep: bool, version: str, said: str
) -> None:
    fields = {"Upgrade": "websocket", "Content-Length": "3"} | ({} if given is None else {"Connection": given})
    head, kept = response(fields, keep=keep, version=version, code=426)
    assert sorted(head.split("\r\n")) == [f"Connection: {said}", "Content-Length: 3", "Upgrade: websocket"]
    assert kept is ("close" not in said)


def test_a_426_without_upgrade_and_another_status_with_it_name_nothing() -> None:
    assert response({"Content-Length": "3"}, code=426) == ("Content-Length: 3", True)
    assert response({"Content-Length": "3", "Upgrade": "h2c"}) == ("Content-Length: 3\r\nUpgrade: h2c", True)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("given", ["X-Hop", "X-Hop, Upgrade", "X-Hop,, close", "CLOSE ,\tX-Hop"])
def test_the_callers_own_options_stay_and_close_among_them_counts(given: str, keep: bool) -> None:
    head, kept = response({"Content-Length": "3", "Connection": given}, keep=keep)
    said = {option.strip().lower() for option in given.split(",") if option} | (set() if keep else {"close"})
    assert {option.strip().lower() for option in head.rpartition("Connection: ")[2].split(",")} == said
    assert kept is ("close" not in said)


@pytest.mark.parametrize("given", [{}, {"Content-Length": "7"}, {"Transfer-Encoding": "chunked"}])
@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_RW6_205_has_no_content_and_says_so(given: dict[str, str], version: str) -> None:
    headers = HTTPHeaders(given)
    head, writer, keep = make_response_head(
        ResponseStartLine("", 205, "Reset Content"), headers, "POST", version, True, True
    )
    assert b"\r\nContent-Length: 0\r\n" in head and b"Transfer-Encoding" not in head and keep
    assert [*writer.data(b"dropped"), *writer.end()] == []


def test_RW6_204_and_1xx_carry_no_content_length() -> None:
    assert response({"Content-Length": "0"}, code=204)[0] == ""


def test_RW5_framing_by_hand_is_refused_or_replaced() -> None:
    with pytest.raises(HTTPOutputError, match="both"):
        response({"Content-Length": "3", "Transfer-Encoding": "chunked"})
    assert response({"Transfer-Encoding": "gzip"})[0] == "Transfer-Encoding: chunked"
    with pytest.raises(HTTPOutputError, match="not a number"):
        response({"Content-Length": "x"})


@pytest.mark.parametrize(
    ("method", "fields", "framing"),
    [
        ("GET", {}, Framing.NONE),
        ("POST", {}, Framing.CHUNKED),
        ("POST", {"Content-Length": "0"}, Framing.LENGTH),
        ("GET", {"Transfer-Encoding": "chunked"}, Framing.CHUNKED),
    ],
)
def test_requests_are_framed(method: str, fields: dict[str, str], framing: Framing) -> None:
    _, writer = make_request_head(RequestStartLine(method, "/", "HTTP/1.1"), HTTPHeaders(fields))
    assert writer.framing is framing
