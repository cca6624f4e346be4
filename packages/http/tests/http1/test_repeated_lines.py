"""Heads whose first lines a client has sent before are read as if each were its first."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waterspout.http1 import Limits, RequestReader, _request_reader
from waterspout.http1._repeated_lines import LEAST, MOST, RepeatedLines
from waterspout.httputil import HTTPInputError

AGENT = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0\r\n"
BROWSER = (
    b"Host: example.com\r\nConnection: keep-alive\r\n" + AGENT
    + b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n"
)  # fmt: skip


def head(fields: bytes, target: bytes = b"/") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + fields + b"\r\n"


def outcome(reader: RequestReader, raw: bytes) -> object:
    """All that a request is for those above, or the refusal."""
    try:
        events = reader.receive(raw)
    except HTTPInputError as error:
        return error.status, str(error)
    if not events:
        return "not whole"
    request = events[0]
    return (
        request.method, request.uri, request.host, request.version, request.keep_alive, request.upgrade,
        request.if_none_match, request.content_type, request.content_length, request.chunked, request.complete,
        request.expect_continue, request.body, list(request.headers.get_all()),
    )  # fmt: skip


LINES = st.sampled_from(
    [
        b"Host: example.com\r\n", b"host: other.example\r\n", b"Connection: keep-alive\r\n", b"Connection: close\r\n",
        AGENT, AGENT[:-2] + b" Safari\r\n", b"Accept: */*\r\n", b"Accept: " + b"a/b," * 50 + b"c/d\r\n",
        b"Cookie: session=1\r\n", b"Cookie: session=12\r\n", b'If-None-Match: "a"\r\n', b"Upgrade: websocket\r\n",
        b"Content-Length: 0\r\n", b"Content-Length: 3\r\n",
        b"Content-Type: text/plain\r\n", b"Expect: 100-continue\r\n",
        b"Transfer-Encoding: chunked\r\n", b"X-Bare: a\nb\r\n", b"X-CR: a\rb\r\n", b"X-NUL: a\0b\r\n",
        b"X Space: a\r\n",
        b" folded\r\n", b"no colon\r\n", b"\xe4: umlaut\r\n", b"X-Obs: \xe4\t\xff\r\n", b": no name\r\n",
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    beginnings=st.lists(st.integers(0, len(BROWSER.splitlines())), min_size=2, max_size=5),
    more=st.lists(st.lists(LINES, max_size=4), min_size=5, max_size=5),
)
def test_a_sequence_of_heads_is_read_as_each_of_them_alone(beginnings: list[int], more: list[list[bytes]]) -> None:
    known = BROWSER.splitlines(keepends=True)
    reader = RequestReader()
    for beginning, lines in zip(beginnings, more, strict=False):
        raw = head(b"".join(known[:beginning] + lines))
        alone = RequestReader()
        expected = outcome(alone, raw)
        assert outcome(reader, raw) == expected
        if not isinstance(expected, tuple) or len(expected) == 2 or alone.state is not reader.state or alone.held:
            break
        if not expected[10]:  # its content is still to come
            break


@pytest.mark.parametrize(
    "line",
    [
        b"Host: evil.example\r\n",
        b"hOsT: example.com\r\n",
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"X: a\nY: b\r\n",
        b"X: a\rY: b\r\n",
        b"X: \0\r\n",
        b"X : b\r\n",
        b" folded\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ],
)
def test_what_follows_repeated_lines_is_refused_as_ever(line: bytes) -> None:
    reader = RequestReader()
    for _ in range(3):
        assert reader.receive(head(BROWSER))
    refusals = []
    for each in (reader, RequestReader()):
        with pytest.raises(HTTPInputError) as caught:
            each.receive(head(BROWSER + line))
        refusals.append((caught.value.status, str(caught.value)))
    assert refusals[0] == refusals[1] and refusals[0][0] == 400


def test_a_repeated_line_that_goes_on_is_another_line() -> None:
    reader = RequestReader()
    first = reader.receive(head(BROWSER + b"Cookie: a=1\r\n"))[0]
    longer = reader.receive(head(BROWSER + b"Cookie: a=12\r\n"))[0]
    shorter = reader.receive(head(BROWSER + b"Cookie: a=\r\n"))[0]
    assert [request.headers["Cookie"] for request in (first, longer, shorter)] == ["a=1", "a=12", "a="]


def test_the_limits_count_repeated_lines_too() -> None:
    reader = RequestReader(Limits(fields=8, head=600))
    for _ in range(2):
        assert reader.receive(head(BROWSER + b"A: 1\r\nB: 2\r\n"))
    with pytest.raises(HTTPInputError) as caught:
        reader.receive(head(BROWSER + b"A: 1\r\nB: 2\r\nC: 3\r\n"))
    assert caught.value.status == 431
    reader = RequestReader(Limits(head=600))
    assert reader.receive(head(BROWSER))
    with pytest.raises(HTTPInputError) as caught:
        reader.receive(head(BROWSER + b"A: " + b"a" * 600 + b"\r\n"))
    assert caught.value.status == 431


def test_lines_that_a_client_repeats_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []
    whole = _request_reader.match_long_request_head

    def counting(data: bytes) -> object:
        parsed.append(data)
        return whole(data)

    monkeypatch.setattr(_request_reader, "match_long_request_head", counting)
    reader = RequestReader()
    for number in range(10):
        reader.receive(head(BROWSER + b"Cookie: a=%d\r\nReferer: /%d\r\n" % (number, number), b"/%d" % number))
    assert len(parsed) == 2  # the first, and the one that showed what is the same
    assert reader._repeated == RepeatedLines(
        b"\r\n" + BROWSER[:-2], [(b"Host", b"example.com"), (b"Connection", b"keep-alive")], 6
    )


def test_little_in_common_is_not_looked_for_again_and_much_is_not_kept() -> None:
    reader = RequestReader()
    for number in range(3):
        reader.receive(head(b"Host: a\r\nX-%d: " % number + b"a" * 300 + b"\r\n"))
    assert reader._repeated is not None and not reader._repeated.lines
    reader.receive(head(b"Host: a\r\nX-0: " + b"a" * 300 + b"\r\n"))
    assert not reader._repeated.lines
    reader = RequestReader()
    reader.receive(head(b"Host: a\r\nX: " + b"a" * MOST + b"\r\n"))
    assert reader._repeated is not None and not reader._repeated.lines


def test_the_lines_before_a_long_one_are_kept() -> None:
    reader = RequestReader()
    cookie = b"Cookie: a=" + b"a" * MOST + b"\r\n"
    for _ in range(2):
        assert reader.receive(head(BROWSER + cookie))[0].headers["Cookie"] == "a=" + "a" * MOST
    assert reader._repeated is not None and reader._repeated.lines == b"\r\n" + BROWSER[:-2]


@pytest.mark.parametrize("end", [LEAST - 1, LEAST])
def test_lines_in_common_end_with_a_line(end: int) -> None:
    lines = b"\r\nX: " + b"a" * (end - 5)
    known = RepeatedLines(lines + b"\r\nCookie: 1", [], 2)
    expected = lines if end == LEAST else b""
    assert known.common_with(lines) == known.common_with(lines + b"\r\nCookie: 2") == expected
    assert known.common_with(lines + b"\r\nReferer: x") == expected
    assert known.common_with(lines + b"a\r\nCookie: 1") == b""


def test_what_a_client_repeated_is_forgotten_when_it_changes_to_another_protocol() -> None:
    reader = RequestReader()
    reader.receive(head(BROWSER + b"Upgrade: websocket\r\n"))
    assert reader._repeated is not None
    assert reader.upgrade() == b""
    assert reader._repeated is None
