"""Responses in wire bytes, and the events they become."""

from __future__ import annotations

import pytest

from waterspout.http1 import Data, EndOfMessage, InterimResponse, Limits, Reading, ResponseHead, ResponseReader
from waterspout.httputil import HTTPInputError

END = EndOfMessage()


def read(raw: bytes, method: str = "GET", size: int = 0) -> tuple[ResponseReader, list[object]]:
    reader = ResponseReader()
    reader.expect(method)
    events: list[object] = []
    step = size or len(raw)
    for i in range(0, len(raw), step):
        events += reader.receive(raw[i : i + step])
    return reader, events


def content(events: list[object]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Data))


@pytest.mark.parametrize("size", [0, 1, 7])
@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ],
)
def test_content_by_length_and_chunks(raw: bytes, size: int) -> None:
    reader, events = read(raw, size=size)
    head = events[0]
    assert isinstance(head, ResponseHead)
    assert (head.status, head.reason, head.keep_alive, head.has_body) == (200, "OK", True, True)
    assert content(events) == b"hello" and events[-1] == END and reader.state is Reading.DONE


def test_content_until_close_ends_with_the_connection_and_is_not_kept_alive() -> None:
    reader, events = read(b"HTTP/1.1 200\r\nX: y\r\n\r\nhello")
    assert content(events) == b"hello" and reader.state is Reading.UNTIL_CLOSE
    head = events[0]
    assert isinstance(head, ResponseHead) and not head.keep_alive and head.reason == ""
    assert reader.receive_eof() == (END,)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_CL9_responses_without_content_end_with_their_head_and_what_follows_is_held(method: str, status: int) -> None:
    reader, events = read(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\nhello" % status, method)
    assert [type(event) for event in events] == [ResponseHead, EndOfMessage]
    assert reader.held == 5


@pytest.mark.parametrize("field", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
def test_CL9_a_204_that_announces_content_is_refused_for_who_relies_on_tornado(field: bytes) -> None:
    reader = ResponseReader(lenient=True)
    with pytest.raises(HTTPInputError, match="a 204 response that announces content"):
        reader.receive(b"HTTP/1.1 204 X\r\n" + field + b"\r\n\r\nhello")


@pytest.mark.parametrize("answer", [b"204 X\r\nContent-Length: 0", b"204 X", b"304 X\r\nContent-Length: 5"])
def test_CL9_other_responses_without_content_are_as_welcome_there(answer: bytes) -> None:
    reader = ResponseReader(lenient=True)
    events = reader.receive(b"HTTP/1.1 " + answer + b"\r\n\r\n")
    assert [type(event) for event in events] == [ResponseHead, EndOfMessage]


def test_interim_responses_come_before_the_final_one() -> None:
    _, events = read(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert [type(event) for event in events] == [InterimResponse, ResponseHead, EndOfMessage]


def test_CL3_too_many_interim_responses_are_refused() -> None:
    with pytest.raises(HTTPInputError, match="more than 10 interim"):
        read(b"HTTP/1.1 100 Continue\r\n\r\n" * 11)


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: +2",
        b"Content-Length: 0x2",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ],
)
def test_CL1_ambiguous_framing_is_refused(fields: bytes) -> None:
    with pytest.raises(HTTPInputError):
        read(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\nhello")


@pytest.mark.parametrize(
    "line", [b"garbage", b"HTTP/1.1 99 X", b"HTTP/1.1 1000 X", b"HTTP/1.1 2x0 X", b"HTTP/2.0 200 OK"]
)
def test_CL2_a_malformed_status_line_is_named(line: bytes) -> None:
    with pytest.raises(HTTPInputError, match="status line|does not speak"):
        read(line + b"\r\n\r\n")


def test_CL4_limits_are_named() -> None:
    with pytest.raises(HTTPInputError, match="exceeds"):
        read(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n")
    with pytest.raises(HTTPInputError, match="exceeds"):
        read(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 9000 + b"\r\n")
    reader = ResponseReader(Limits(body=4))
    reader.expect("GET")
    with pytest.raises(HTTPInputError, match="limit of 4"):
        reader.receive(b"HTTP/1.1 200 OK\r\n\r\nhello")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        b"HTTP/1.1 200 OK\r\nX: ",
    ],
)
def test_CL8_a_message_cut_short_is_an_error(raw: bytes) -> None:
    reader, _ = read(raw)
    with pytest.raises(HTTPInputError, match="closed inside"):
        reader.receive_eof()


@pytest.mark.parametrize("fields", [b"X: a\r\n b", b"X: a\0b", b"X: a\nY: b", b"X : a"])
def test_CL10_malformed_fields_are_refused(fields: bytes) -> None:
    with pytest.raises(HTTPInputError):
        read(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n")


def test_CL11_bytes_after_the_response_are_held_for_the_owner_to_judge() -> None:
    reader, _ = read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n")
    assert reader.state is Reading.DONE and reader.held == 17


@pytest.mark.parametrize("minor", [0, 1])
def test_chunked_answer_of_http_1_0_ends_its_connection(minor: int) -> None:
    """RFC 9112, 6.1: who speaks 1.0 cannot know what it says."""
    reader = ResponseReader()
    reader.expect("GET")
    head, *_ = reader.receive(
        b"HTTP/1.%d 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n2\r\nok\r\n0\r\n\r\n" % minor
    )
    assert head.keep_alive is bool(minor)


@pytest.mark.parametrize("announced", ["Content-Length: 4", "Transfer-Encoding: chunked"])
def test_CL9_204_that_announces_content_ends_its_connection(announced: str) -> None:
    reader = ResponseReader()
    reader.expect("GET")
    head, *_ = reader.receive(f"HTTP/1.1 204 No\r\n{announced}\r\n\r\n".encode())
    assert not head.keep_alive
    reader.expect("GET")
    head, *_ = ResponseReader().receive(b"HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n")
    assert head.keep_alive
