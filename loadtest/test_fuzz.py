"""The differential fuzz for a few seconds, and that it would see something."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fuzz
from fuzz_grammar import violation
from fuzz_parsers import Outcome, by_h11, by_llhttp, ours
from fuzz_reasons import explain

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"


def test_a_short_run_finds_no_disagreement_that_is_not_explained() -> None:
    tally = fuzz.Tally()
    fuzz.run(5, tally)
    assert not tally.unexplained
    assert tally.inputs > 100 and tally.accepted and tally.reasons


@pytest.mark.parametrize("parse", [by_h11, by_llhttp, lambda raw: ours(raw, ())])
def test_all_parsers_give_the_same_form_of_answer(parse) -> None:
    chunked = b"POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n"
    outcome = parse(GET + b"\r\n" + chunked)
    assert outcome.verdict == "accepted"
    assert [(m.method, m.target, m.minor, m.body, m.ended) for m in outcome.messages] == [
        ("GET", b"/", 1, b"", True),
        ("POST", b"/b", 1, b"hello", True),
    ]
    assert parse(GET).verdict == "waiting" and parse(GET + b"a b: c\r\n\r\n").verdict == "refused"


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        (GET + b"\r\n", None),
        (b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "request line"),
        (b"GET / HTTP/1.1\r\n\r\n", "Host"),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", None),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "CONNECT with content"),
        (GET + b"X: a\nY: b\r\n\r\n", "bare LF"),
        (GET + b"Content-Length: +5\r\n\r\n", "Content-Length"),
        (GET + b"Transfer-Encoding: gzip, chunked\r\n\r\n", "Transfer-Encoding"),
        (GET + b"Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n", "chunk size"),
        (GET + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n", "CRLF"),
        (GET + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX : y\r\n", "trailer"),
        (GET + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n", "not be a trailer"),
        (GET + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", "not be a trailer"),
    ],
)
def test_the_second_grammar_names_the_rule_that_is_broken(raw: bytes, part: str | None) -> None:
    found = violation(raw)
    assert found is None if part is None else found is not None and part in found


@pytest.mark.parametrize("line", [b" ", b"X ", b"X", b"(: y"])
def test_a_trailer_line_that_is_refused_when_it_ends_explains_who_does_not_wait(line: bytes) -> None:
    raw = GET + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + line
    mine = ours(raw, ())
    assert mine.verdict == "waiting" and ours(raw + b"\r\n\r\n", ()).verdict == "refused"
    theirs = Outcome("refused", mine.messages)
    assert explain("llhttp", mine, theirs, raw) == (
        "refuses a trailer line before it is whole; it would be refused when it is"
    )


def test_a_parser_that_is_wrong_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def deaf(raw: bytes):
        outcome = by_h11(raw)
        for message in outcome.messages:
            message.body = b""
        return outcome

    monkeypatch.setitem(fuzz.PARSERS, "h11", deaf)
    tally = fuzz.Tally()
    fuzz.run(20, tally, most=1)
    assert tally.unexplained
