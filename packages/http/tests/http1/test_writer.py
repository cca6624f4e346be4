"""Heads and content in, wire bytes out."""

from __future__ import annotations

import pytest

from waterspout.http1 import Framing, MessageWriter, frame_response, response_head, status_line
from waterspout.httputil import HTTPOutputError


def sent(writer: MessageWriter, *pieces: bytes) -> bytes:
    return b"".join(bytes(b) for piece in pieces for b in writer.data(piece)) + writer.end()


def test_chunks_are_framed_and_large_ones_are_not_copied() -> None:
    assert sent(MessageWriter(Framing.CHUNKED), b"ab", b"", b"c") == b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    large = b"x" * 5000
    assert any(buffer is large for buffer in MessageWriter(Framing.CHUNKED).data(large))


def test_RW4_content_must_be_as_long_as_promised() -> None:
    with pytest.raises(HTTPOutputError, match="more"):
        sent(MessageWriter(Framing.LENGTH, 3), b"abcd")
    with pytest.raises(HTTPOutputError, match="less"):
        sent(MessageWriter(Framing.LENGTH, 3), b"ab")
    assert sent(MessageWriter(Framing.LENGTH, 3), b"a", b"bc") == b"abc"


def test_content_that_the_kernel_sends_is_framed_and_counted() -> None:
    assert MessageWriter(Framing.CHUNKED).around(255) == (b"ff\r\n", b"\r\n")
    assert MessageWriter(Framing.UNTIL_CLOSE).around(5) == (b"", b"")
    writer = MessageWriter(Framing.LENGTH, 5)
    assert writer.around(3) == (b"", b"")
    with pytest.raises(HTTPOutputError, match="2 bytes less"):
        writer.end()
    with pytest.raises(HTTPOutputError, match="more"):
        writer.around(3)


def test_a_message_without_content_gets_none_from_the_kernel() -> None:
    assert MessageWriter(Framing.NONE).around(3) is None
    assert MessageWriter(Framing.CHUNKED).around(0) is None  # an empty chunk would be the end


def test_RW6_a_message_without_content_sends_none() -> None:
    assert sent(MessageWriter(Framing.NONE), b"abc") == b""


@pytest.mark.parametrize(
    ("method", "version", "status", "length", "framing"),
    [
        ("GET", "HTTP/1.1", 200, 5, Framing.LENGTH),
        ("GET", "HTTP/1.1", 200, None, Framing.CHUNKED),
        ("GET", "HTTP/1.0", 200, None, Framing.UNTIL_CLOSE),
        ("HEAD", "HTTP/1.1", 200, 5, Framing.NONE),
        ("GET", "HTTP/1.1", 204, None, Framing.NONE),
        ("GET", "HTTP/1.1", 304, 5, Framing.NONE),
        ("GET", "HTTP/1.1", 101, None, Framing.NONE),
    ],
)
def test_framing(method: str, version: str, status: int, length: int | None, framing: Framing) -> None:
    assert frame_response(method, version, status, length) is framing


def test_RW3_a_reason_that_could_split_the_response_is_replaced() -> None:
    assert status_line(200, "OK\r\nX: y") == "HTTP/1.1 200 Unknown\r\n"
    assert status_line(299, None) == "HTTP/1.1 299 Unknown\r\n"
    assert status_line(200, "Fine") == "HTTP/1.1 200 Fine\r\n"


def test_a_head_outside_latin1_is_refused() -> None:
    with pytest.raises(HTTPOutputError):
        response_head(200, None, "X: \u20ac\r\n")
