"""Differential fuzz: the request codec beside h11 and llhttp (by httptools), until the time is up.

    python loadtest/fuzz.py --seconds 600

Hypothesis makes requests from pieces that parsers have stumbled over, and breaks them. Each input goes to all three
parsers, and to ours also cut into pieces. A disagreement is a failure unless ``fuzz_reasons.py`` explains it, with a
condition of its own on the raw bytes: "it was refused" is no explanation. Exit code 1 with the smallest such inputs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fuzz_grammar import violation
from fuzz_parsers import PARSERS, Outcome, ours
from fuzz_reasons import explain

TOKENS = [b"GET", b"POST", b"HEAD", b"OPTIONS", b"PUT", b"get", b"M-SEARCH", b"G!T", b"CONNECT", b"PRI", b"GE(T", b""]
TARGETS = [
    b"/", b"/a?b=c", b"/%zz", b"*", b"a", b"//x", b"/a#b", b"http://a/b", b"http://a", b"http://u@a/", b"http:///x",
    b"a:80",
    b"/\xc3\xa9", b"/\x7f", b"/a b", b"/\"<>\\^`{|}", b"?x", b"https://[::1]:8/", b"ftp://a/", b"",
]  # fmt: skip
VERSIONS = [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"http/1.1", b"HTTP/1.2", b"HTTP/1.10", b"HTTP/1", b"HTTP/0.9", b""]
HOSTS = [
    b"a",
    b"a:80",
    b"[::1]",
    b"[::1",
    b"a b",
    b"a/b",
    b"u@a",
    b"",
    b"a:",
    b"a:99999",
    b"a,b",
    b"\xc3\xa9",
    b"a%20b",
]
LENGTHS = [
    b"0",
    b"5",
    b"05",
    b"+5",
    b"-1",
    b"5,5",
    b"5 5",
    b"0x5",
    b"5_0",
    b"",
    b"99999999999999999999",
    b"5;a",
    b"\xb2",
    b"3",
]
CODINGS = [
    b"chunked", b"CHUNKED", b"chunked, chunked", b"gzip, chunked", b"identity", b"chunked, identity", b"xchunked",
    b",chunked",
    b"chunked,", b"\x0bchunked", b"\"chunked\"", b"chunked;q=1", b"", b"gzip", b"chunked\t",
]  # fmt: skip
NAMES = [b"X-A", b"Cookie", b"Accept", b"X(A", b"X A", b"X-A ", b"", b"\xe9", b"X_A", b"content-length ", b" X"]
VALUES = [b"b", b"", b"  b  ", b"b\tc", b"\xe9", b"b\x00c", b"b\rc", b"b\nc", b"b\x7fc", b"b\r\n c", b'"q\\""', b"b:c"]
ENDS = [b"\r\n", b"\n", b"\r", b"\r\r\n", b" \r\n", b"\r\n\r\n", b""]
SIZES = [b"5", b"05", b"0x5", b"5 ", b" 5", b"+5", b"5;a", b"5;a=b", b"5;a=\"b;\\\"c\"", b"5 ;a", b"5;", b"5;a=", b"g",
         b"", b"F" * 17, b"5;\x00", b"5\t;b=c", b"5;a\nb", b"3"]  # fmt: skip
TRAILERS = [
    b"",
    b"X: y\r\n",
    b"X : y\r\n",
    b"NoColon\r\n",
    b"Content-Length: 5\r\n",
    b"X: a\x00\r\n",
    b" X: y\r\n",
    b"X: y\n",
    b"X:\r\n",
]


class Choices:
    """Decisions read off a string of bytes: one draw for Hypothesis instead of dozens, and 0 is always the usual."""

    def __init__(self, entropy: bytes) -> None:
        self._entropy = entropy
        self._at = 0

    def number(self, below: int) -> int:
        """A number from 0 to *below* - 1; 0 when the entropy is used up."""
        if self._at >= len(self._entropy):
            return 0
        self._at += 1
        return self._entropy[self._at - 1] % below

    def mostly(self, usual: bytes, others: list[bytes]) -> bytes:
        """*usual* nine times out of ten: two oddities in one request hide each other."""
        return others[self.number(len(others))] if self.number(10) == 9 else usual

    def one(self, options: list[bytes]) -> bytes:
        """Any of *options*."""
        return options[self.number(len(options))]


def field_line(draw: Choices) -> bytes:
    """One field, framing fields more often than others."""
    kind = draw.number(8)
    end, blank = draw.mostly(b"\r\n", ENDS), draw.mostly(b" ", [b"", b"  ", b"\t", b"\x0b"])
    if kind == 1:
        return b"Content-Length:" + blank + draw.mostly(b"5", LENGTHS) + end
    if kind in (2, 3):
        return b"Transfer-Encoding:" + blank + draw.mostly(b"chunked", CODINGS) + end
    if kind == 4:
        return b"Connection: " + draw.one([b"close", b"keep-alive", b"Keep-Alive, close", b"foo", b""]) + end
    if kind == 5:
        return b"Host:" + blank + draw.one(HOSTS) + end
    return draw.mostly(b"X-B", NAMES) + b":" + blank + draw.mostly(b"v", VALUES) + end


def body(draw: Choices, chunked: bool) -> bytes:
    """Content that fits the framing, or nearly."""
    if not chunked:
        return draw.mostly(b"hello", [b"", b"hel", b"hello\r\n", b"0\r\n\r\n"])
    data = b""
    for _ in range(draw.number(4)):
        data += draw.mostly(b"5", SIZES) + draw.mostly(b"\r\n", ENDS)
        data += draw.mostly(b"hello", [b"hel", b"hello!"]) + draw.mostly(b"\r\n", ENDS)
    data += draw.mostly(b"0", [b"00", b"0;a", b"0 ", b""]) + draw.mostly(b"\r\n", ENDS)
    return data + draw.mostly(b"", TRAILERS) + draw.mostly(b"\r\n", ENDS)


def requests(entropy: bytes) -> bytes:
    """One or two requests, well-formed or nearly so; now and then with one byte changed."""
    draw = Choices(entropy)
    raw = b""
    for _ in range(1 + draw.number(2)):
        raw += draw.mostly(b"", [b"\r\n", b"\n", b" ", b"\r\n\r\n"])
        raw += draw.mostly(b"GET", TOKENS) + draw.mostly(b" ", [b"  ", b"\t", b""]) + draw.mostly(b"/", TARGETS)
        raw += draw.mostly(b" ", [b"  ", b"\t", b""]) + draw.mostly(b"HTTP/1.1", VERSIONS) + draw.mostly(b"\r\n", ENDS)
        raw += draw.mostly(b"Host: a\r\n", [b""])
        fields = b"".join(field_line(draw) for _ in range(draw.number(4)))
        raw += fields + b"\r\n"
        if b"-Encoding" in fields or b"-Length" in fields:
            raw += body(draw, b"-Encoding" in fields)
    if draw.number(5) == 4 and raw:
        at = draw.number(256) * len(raw) // 256
        raw = raw[:at] + draw.one([b"", b"\r", b"\n", b"\0", b" ", b"\xff", b":", b"0", b";"]) + raw[at + 1 :]
    return raw


class Tally:
    """What was seen so far."""

    def __init__(self) -> None:
        self.inputs = self.accepted = 0
        self.reasons: Counter[str] = Counter()
        self.unexplained: dict[str, bytes] = {}

    def judge(self, raw: bytes, cuts: list[int]) -> str | None:
        """The kind of disagreement about *raw* that nothing explains, or None."""
        self.inputs += 1
        mine = ours(raw, ())
        self.accepted += mine.verdict == "accepted"
        pieces = _to_the_end(raw, sorted({cut % (len(raw) + 1) for cut in cuts}), mine)
        if pieces != mine and not (mine.verdict == pieces.verdict == "refused" and _same_start(mine, pieces)):
            return f"cut into pieces it is {pieces.verdict}, whole {mine.verdict}"
        if self.inputs % 8 == 0:
            single = _to_the_end(raw, list(range(1, len(raw))), mine)
            if single != mine and not (mine.verdict == single.verdict == "refused" and _same_start(mine, single)):
                return f"byte by byte it is {single.verdict}, whole {mine.verdict}"
        broken = None if mine.verdict == "refused" else _first_violation(raw, mine)
        if broken is not None:
            return f"taken, although: {broken}"
        for name, parse in PARSERS.items():
            theirs = parse(raw)
            if theirs.agrees(mine):
                continue
            reason = explain(name, mine, theirs, raw)
            if reason is None:
                return f"{name} says {theirs}, ours {mine}"
            self.reasons[f"{name}: {reason}"] += 1
        return None


def _to_the_end(raw: bytes, cuts: list[int], whole: Outcome) -> Outcome:
    """What becomes of *raw* in pieces; of a head that waits where the *whole* one is refused, when its end has come.

    Few bytes of a head that is not whole are put by, and judged when a line or the head ends.
    """
    outcome = ours(raw, cuts)
    if outcome.verdict == "waiting" and whole.verdict == "refused":
        return ours(raw + b"\r\n\r\n", [*cuts, len(raw)])
    return outcome


def _first_violation(raw: bytes, mine: Outcome) -> str | None:
    """What is wrong with a message that was taken."""
    ended = mine.starts if mine.verdict == "waiting" else mine.starts[:-1]
    return next((found for found in (violation(raw[start:]) for start in ended) if found), None)


def _same_start(one: Outcome, other: Outcome) -> bool:
    return one.messages == other.messages


def run(seconds: float, tally: Tally, most: int = 5, start: int = 0) -> None:
    """Fuzz for *seconds*, or until *most* kinds of unexplained disagreement were found."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and len(tally.unexplained) < most:
        start += 1
        found = run_seed(start, end, tally)
        if found is not None:
            complaint, raw = found
            tally.unexplained[complaint] = raw


def run_seed(number: int, end: float, tally: Tally) -> tuple[str, bytes] | None:
    """Two thousand inputs; the smallest one that nothing explains, with what is wrong about it."""
    found: list[tuple[str, bytes]] = []

    @seed(number)
    @settings(max_examples=2000, database=None, deadline=None, suppress_health_check=list(HealthCheck),
              phases=[Phase.generate, Phase.shrink], report_multiple_bugs=False)  # fmt: skip
    @given(st.binary(min_size=96, max_size=96), st.lists(st.integers(0, 500), max_size=4))
    def check(entropy: bytes, cuts: list[int]) -> None:
        if time.monotonic() > end and not found:
            return
        raw = requests(entropy)
        complaint = tally.judge(raw, cuts)
        if complaint is not None:
            found.append((complaint, raw))
            raise AssertionError(complaint)

    try:
        check()
    except AssertionError:
        return found[-1]
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--start", type=int, default=0, help="number of the first seed")
    arguments = parser.parse_args()
    tally = Tally()
    run(arguments.seconds, tally, start=arguments.start)
    print(f"{tally.inputs} inputs, {tally.accepted} accepted; disagreements that are explained:")
    for reason, count in tally.reasons.most_common():
        print(f"{count:9} {reason}")
    for complaint, raw in tally.unexplained.items():
        print(f"UNEXPLAINED: {complaint}\n    {raw!r}")
    return 1 if tally.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
