"""Requests in wire bytes, and the events they become."""

from __future__ import annotations

from typing import Any

import pytest
from h11 import NEED_DATA, SERVER, Connection
from h11 import Data as H11Data
from h11 import EndOfMessage as H11End
from h11 import Request as H11Request
from hypothesis import given, settings
from hypothesis import strategies as st

from waterspout.http1 import Data, EndOfMessage, Limits, Reading, RequestReader
from waterspout.http1._request_reader import KNOWN_HOSTS, LONGEST_HOST
from waterspout.httputil import HTTPInputError, HTTPServerRequest

GET = b"GET /a/b?c=d&e HTTP/1.1\r\nHost: example.com:80\r\nX-A: 1\r\nX-A: 2 \r\n\r\n"


def one(raw: bytes, **limits: int) -> HTTPServerRequest:
    (request,) = RequestReader(Limits(**limits)).receive(raw)
    assert isinstance(request, HTTPServerRequest)
    return request


def test_a_request_without_content_is_one_event() -> None:
    request = one(GET)
    assert (request.method, request.uri, request.path, request.query) == ("GET", "/a/b?c=d&e", "/a/b", "c=d&e")
    assert (request.version, request.host, request.host_name) == ("HTTP/1.1", "example.com:80", "example.com")
    assert request.complete and request.keep_alive and request.body == b""
    assert list(request.headers.get_all()) == [("Host", "example.com:80"), ("X-A", "1"), ("X-A", "2")]


@pytest.mark.parametrize(
    ("head", "keep"),
    [
        (b"HTTP/1.1\r\nHost: a\r\n", True),
        (b"HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", False),
        (b"HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n", False),
        (b"HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n", False),
        (b"HTTP/1.0\r\n", False),
        (b"HTTP/1.0\r\nConnection: keep-alive\r\n", True),
        (b"HTTP/1.0\r\nConnection: Keep-Alive, Upgrade\r\n", True),
    ],
)
def test_keep_alive_is_the_verdict_of_version_and_connection(head: bytes, keep: bool) -> None:
    assert one(b"GET / " + head + b"\r\n").keep_alive is keep


PASSED_BY = (b"Cookie: a=b", b"user-agent: x", b"Referer: /", b"Cookie2: c", b"Content-Language: en", b"TE: trailers")


@pytest.mark.parametrize("before", [(), PASSED_BY[:1], PASSED_BY[:3], PASSED_BY, PASSED_BY[::-1]])
@pytest.mark.parametrize("fill", [0, 300])
def test_what_the_server_must_know_is_found_wherever_it_stands(before: tuple[bytes, ...], fill: int) -> None:
    noted = (
        b"hOST: a",
        b"If-None-Match: e",
        b"Content-Type: t",
        b"CONNECTION: close",
        b"content-length: 2",
        b"Expect: 100-continue",
        b"upgrade: u",
        b"if-none-match: f",
    )
    filling = (b"X: " + b"x" * fill,) if fill else ()
    for turn in range(len(noted)):
        lines = (*before, *noted[turn:], *PASSED_BY, *noted[:turn], *filling)
        request = one(b"POST / HTTP/1.1\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\nhi")
        assert (request.host, request.content_type, request.keep_alive, request.body) == ("a", b"t", False, b"hi")
        assert request.expect_continue and request.upgrade == b"u"
        assert sorted((request.if_none_match or b"").split(b", ")) == [b"e", b"f"]
        assert request.field_block == b"".join(b"\r\n" + line for line in lines)


@pytest.mark.parametrize("name", [b"Host", b"Content-Length", b"Content-Type"])
@pytest.mark.parametrize("between", [b"", b"Cookie: a\r\n", b"Coo-kie: a\r\nReferer: b\r\n"])
def test_what_may_be_said_once_is_refused_the_second_time(name: bytes, between: bytes) -> None:
    twice = b"%b: 1\r\n%b%b: 1\r\n" % (name, between, name.upper())
    with pytest.raises(HTTPInputError, match=f"more than one {name.decode()} field"):
        one(b"GET / HTTP/1.1\r\n" + twice + b"\r\n1")


@pytest.mark.parametrize(
    "line", [b"Cookie : a", b"Cookie", b"Cookie: \x00", b" Cookie: a", b"User-Agent\t: a", b"Ho st: a"]
)
def test_a_line_that_is_passed_by_is_as_strictly_read_as_any(line: bytes) -> None:
    for lines in (b"Host: a\r\n" + line, line + b"\r\nHost: a"):
        with pytest.raises(HTTPInputError):
            one(b"GET / HTTP/1.1\r\n" + lines + b"\r\n\r\n")


def test_content_that_came_with_its_head_makes_the_request_complete() -> None:
    request = one(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
    assert request.complete and request.body == b"hello"


def test_content_that_comes_later_is_handed_on_as_it_comes() -> None:
    reader = RequestReader()
    (request,) = reader.receive(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhe")
    assert not request.complete and request.expect_continue and reader.state is Reading.LENGTH
    assert reader.receive(b"") == [Data(b"he")]
    assert reader.receive(b"lloGET") == [Data(b"llo"), EndOfMessage()]
    assert reader.state is Reading.DONE and reader.held == 3


def test_chunks_that_arrive_together_are_one_event() -> None:
    reader = RequestReader()
    reader.receive(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert reader.receive(b"1\r\na\r\n2;x=y\r\nbc\r\n3") == [Data(b"abc")]
    assert reader.receive(b"\r\ndef\r\n0\r\nX-T: v\r\n\r\n") == [Data(b"def"), EndOfMessage(b"\r\nX-T: v")]


def test_trailers_are_offered_and_not_merged_into_the_headers() -> None:
    reader = RequestReader()
    (request, *_) = reader.receive(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    end = reader.receive(b"0\r\nX-T: v\r\n\r\n")[-1]
    assert end.trailers()["X-T"] == "v" and "X-T" not in request.headers


@pytest.mark.parametrize("name", [b"Content-Length", b"transfer-encoding", b"HOST"])
@pytest.mark.parametrize("before", [b"", b"X: y\r\n"])
@pytest.mark.parametrize("after", [b"", b"\r", b"X: y\r\n", b"\r\n"])
@pytest.mark.parametrize("bit_by_bit", [False, True])
def test_a_trailer_that_frames_or_routes_is_refused_when_its_line_has_come(
    name: bytes, before: bytes, after: bytes, bit_by_bit: bool
) -> None:
    reader = RequestReader()
    reader.receive(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    wire = b"0\r\n" + before + name + b": 5\r\n" + after
    with pytest.raises(HTTPInputError, match="not allowed in trailers"):
        for piece in [bytes([byte]) for byte in wire] if bit_by_bit else [wire]:
            reader.receive(piece)
    assert reader.state is Reading.CLOSED


def test_trailers_that_have_not_ended_are_counted() -> None:
    reader = RequestReader(Limits(fields=3))
    reader.receive(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    reader.receive(b"0\r\n" + b"X: y\r\n" * 3)
    with pytest.raises(HTTPInputError, match="3 fields"):
        reader.receive(b"X: y\r\n")


def test_the_next_request_is_not_looked_at_before_it_is_asked_for() -> None:
    reader = RequestReader()
    assert len(reader.receive(GET + GET + b"bad")) == 1
    assert len(reader.receive(b"")) == 1
    with pytest.raises(HTTPInputError):
        reader.receive(b" request\r\n\r\n")
    assert reader.state is Reading.CLOSED


@pytest.mark.parametrize("over", [0, 1])
def test_limits_hold_at_the_limit_and_break_one_beyond(over: int) -> None:
    def attempt(raw: bytes, **limits: int) -> int:
        try:
            reader = RequestReader(Limits(**limits))
            read = reader.receive(raw)
            if reader.state is Reading.LENGTH:
                reader.receive(b"")
            return 200 if read else 0
        except HTTPInputError as error:
            return error.status

    assert attempt(b"GET /" + b"a" * (9 + over) + b" HTTP/1.1\r\nHost: a\r\n\r\n", request_line=10) == (
        414 if over else 200
    )
    assert attempt(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * (4 + over) + b"\r\n", fields=5) == (
        431 if over else 200
    )
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n"
    assert attempt(head.replace(b"X: ", b"X: " + b"x" * (100 - len(head) + over)), head=100) == (431 if over else 200)
    body = b"x" * (10 + over)
    assert attempt(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body), body=10) == (
        413 if over else 200
    )


def test_chunked_content_over_the_limit_is_refused_before_it_is_kept() -> None:
    reader = RequestReader(Limits(body=10))
    reader.receive(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    with pytest.raises(HTTPInputError) as caught:
        reader.receive(b"b\r\n")
    assert caught.value.status == 413


def test_readers_of_one_server_remember_well_formed_hosts_together() -> None:
    hosts: dict[bytes, str] = {}

    def host(value: bytes, *, lenient: bool = False) -> str:
        reader = RequestReader(lenient=lenient, hosts=hosts)
        (request,) = reader.receive(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % value)
        assert isinstance(request, HTTPServerRequest)
        return request.host

    for _ in range(2):
        assert host(b"a.example") == host(b"a.example \t") == "a.example" and host(b"B.example:80") == "B.example:80"
        for wrong in (b"", b"a b", b"a.example:65536", b"a/b"):
            with pytest.raises(HTTPInputError, match="Invalid Host"):
                host(wrong)
        assert host(b"", lenient=True) == ""
        assert hosts == {b"a.example": "a.example", b"B.example:80": "B.example:80"}


def test_hosts_are_remembered_up_to_a_number_and_a_length() -> None:
    hosts: dict[bytes, str] = {}
    names = [b"%d.example" % number for number in range(KNOWN_HOSTS + 1)]
    for name in (b"a" * (LONGEST_HOST + 1), *names, *names):
        (request,) = RequestReader(hosts=hosts).receive(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % name)
        assert request.host == name.decode()
    assert list(hosts) == names[:-1]


def test_an_absolute_target_decides_host_and_path() -> None:
    request = one(b"GET http://Other.example:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (request.host, request.path, request.query) == ("Other.example:81", "/x", "y")
    assert request.uri == request.full_url() == "http://Other.example:81/x?y"


def test_lenient_reading_takes_bare_line_feeds_and_strict_reading_does_not() -> None:
    raw = b"GET / HTTP/1.1\nHost: a\nX: y\n\n"
    (request,) = RequestReader(lenient=True).receive(raw)
    assert request.headers["X"] == "y"
    with pytest.raises(HTTPInputError):
        RequestReader().receive(raw)


def test_eof_inside_a_message_is_an_error_and_between_messages_is_not() -> None:
    reader = RequestReader()
    reader.receive(GET)
    assert not reader.receive_eof()
    for raw in (GET[:-1], b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe"):
        reader = RequestReader()
        reader.receive(raw)
        with pytest.raises(HTTPInputError):
            reader.receive_eof()


NAMES = st.sampled_from(["X-A", "Accept", "Cookie", "X-B"])
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    fields=st.lists(st.tuples(NAMES, VALUES), max_size=6),
    body=st.one_of(st.none(), st.binary(max_size=60)),
    chunks=st.integers(0, 5),
    cut=st.integers(1, 400),
)
def test_the_same_is_read_as_h11_reads(
    fields: list[tuple[str, str]], body: bytes | None, chunks: int, cut: int
) -> None:
    lines = ["POST /p HTTP/1.1", "Host: a", *(f"{n}: {v}" for n, v in fields)]
    if body is None:
        content = b""
    elif chunks:
        lines.append("Transfer-Encoding: chunked")
        size = max(1, len(body) // chunks)
        pieces = [body[i : i + size] for i in range(0, len(body), size)]
        content = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
    else:
        lines.append(f"Content-Length: {len(body)}")
        content = body
    raw = ("\r\n".join(lines) + "\r\n\r\n").encode() + content
    assert read(raw, cut) == read_by_h11(raw)


def read(raw: bytes, cut: int) -> tuple[object, ...]:
    reader, seen, ended = RequestReader(), [], False
    request: HTTPServerRequest | None = None
    for piece in (raw[:cut], raw[cut:], b""):
        if ended:
            break
        for event in reader.receive(piece):
            if isinstance(event, HTTPServerRequest):
                request, ended = event, event.complete
                seen.append(event.body)
            elif isinstance(event, Data):
                seen.append(event.data)
            else:
                ended = True
    assert request is not None and ended
    pairs = [(n.lower(), v) for n, v in request.headers.get_all()]
    return request.method, request.uri, sorted(pairs), b"".join(seen)


def read_by_h11(raw: bytes) -> tuple[object, ...]:
    connection = Connection(SERVER)
    connection.receive_data(raw)
    head: H11Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if isinstance(event, H11Request):
            head = event
        elif isinstance(event, H11Data):
            body += bytes(event.data)
        elif isinstance(event, H11End):
            break
        else:
            assert event is not NEED_DATA
    assert head is not None
    pairs = [(n.decode(), v.decode("latin-1")) for n, v in head.headers]
    return head.method.decode(), head.target.decode(), sorted(pairs), body


@pytest.mark.parametrize("fields", [b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"])
def test_RL17_connect_has_no_content(fields: bytes) -> None:
    head = b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n"
    with pytest.raises(HTTPInputError, match="CONNECT with content"):
        RequestReader().receive(head + fields)
    (request,) = RequestReader().receive(head + b"Content-Length: 0\r\n\r\n")
    assert request.method == "CONNECT" and request.complete
    assert RequestReader(lenient=True).receive(head + fields)[0].method == "CONNECT"


def test_RX1_a_head_that_comes_byte_by_byte_is_not_parsed_for_each_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    whole = RequestReader._read_head

    def counting(self: RequestReader, data: bytes) -> Any:
        nonlocal looked
        looked += 1
        return whole(self, data)

    monkeypatch.setattr(RequestReader, "_read_head", counting)
    reader = RequestReader()
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 4000
    for byte in head:
        assert reader.receive(bytes((byte,))) == ()
    assert looked < len(head) / 50
    (request,) = reader.receive(b"\r\n\r\n")
    assert request.headers["X"] == "a" * 4000 and request.path == "/"


@pytest.mark.parametrize(
    "begun", [b"GE(T / HTTP/1.1\r\n", b"GET  / HTTP/1.1\r\n", b"GET / HTTP/2.0\r\n", b"GET /" + b"a" * 9000, b"GET /\0"]
)
def test_RX1_what_breaks_a_rule_is_refused_while_it_comes_byte_by_byte(begun: bytes) -> None:
    whole, reader = RequestReader(), RequestReader()
    with pytest.raises(HTTPInputError) as at_once:
        whole.receive(begun)
    with pytest.raises(HTTPInputError) as bit_by_bit:
        for byte in begun:
            reader.receive(bytes((byte,)))
    assert bit_by_bit.value.status == at_once.value.status
