"""Disagreements that are meant: each with a condition on the bytes, not on anybody's error message alone."""

from __future__ import annotations

import re
from collections.abc import Callable

from fuzz_grammar import violation
from fuzz_parsers import Outcome

#: Methods that llhttp 9 knows; a server of its own decides whether others exist (RFC 9110, 9.1: any token).
LLHTTP_METHODS = frozenset(
    b"ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY "
    b"OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK "
    b"UNLOCK UNSUBSCRIBE".split()
)

Condition = Callable[[bytes], bool]


def _method(rest: bytes) -> bytes:
    return rest.lstrip(b"\r\n").split(b" ")[0]


def _has(pattern: bytes) -> Condition:
    search = re.compile(pattern, re.IGNORECASE | re.DOTALL).search
    return lambda rest: search(rest) is not None


#: What is well-formed and still refused, or read in another way, by one of the others: parser, why, condition.
QUIRKS: list[tuple[str, str, Condition]] = [
    (
        "llhttp",
        "knows no such method; RFC 9110, 9.1 allows any token",
        lambda rest: _method(rest) not in LLHTTP_METHODS,
    ),
    ("llhttp", "refuses a tab after chunked; RFC 9110, 5.6.3: OWS", _has(rb"\ntransfer-encoding:[^\r]*\t *\r")),
    (
        "llhttp",
        "refuses white space before a chunk extension; RFC 9112, 7.1.1: BWS",
        _has(rb"\r\n[0-9a-f]+[ \t]+(?:;|\Z)"),
    ),
    (
        "h11",
        "refuses white space before a chunk extension; RFC 9112, 7.1.1: BWS",
        _has(rb"\r\n[0-9a-f]+[ \t]+(?:;|\Z)"),
    ),
    ("h11", "refuses an empty line before the request; RFC 9112, 2.2 has it ignored", lambda rest: rest[:1] in b"\r\n"),
]


def explain(name: str, mine: Outcome, theirs: Outcome, raw: bytes) -> str | None:
    """Why parser *name* says *theirs* where ours says *mine*; None if nothing known explains it."""
    agreed = 0
    for one, other in zip(mine.messages, theirs.messages, strict=False):
        if one != other or not one.ended:
            break
        agreed += 1
    if agreed >= len(mine.starts):
        return None
    rest = raw[mine.starts[agreed] :]
    if mine.messages and agreed == len(mine.messages) and _closes(mine.messages[-1].fields):
        return "reads on after Connection: close; RFC 9112, 9.3 ends it there"
    if name == "h11" and agreed == len(theirs.messages) and agreed and mine.messages[agreed - 1].minor == 0:
        return "keeps no HTTP/1.0 connection; RFC 9112, 9.3 allows it"
    broken = violation(rest)
    if broken is not None:
        # Only ours may be the one that refuses what breaks a rule: the others are lenient there.
        ours_refuses_here = mine.verdict == "refused" and sum(m.ended for m in mine.messages) == agreed
        return f"lenient: {broken}" if ours_refuses_here else None
    if mine.verdict == "waiting" and theirs.verdict == "refused" and b"\r\n\r\n" not in rest.lstrip(b"\r\n"):
        return "refuses a head before it is whole; it would be refused when it is"
    if mine.verdict == "waiting" and theirs.verdict == "refused" and "trailer" in (violation(rest + b"\r\n\r\n") or ""):
        return "refuses a trailer line before it is whole; it would be refused when it is"
    for parser, why, holds in QUIRKS:
        if parser == name and holds(rest):
            return why
    return None


def _closes(fields: list[tuple[bytes, bytes]]) -> bool:
    options = b",".join(value for name, value in fields if name == b"connection")
    return b"close" in {option.strip(b" \t").lower() for option in options.split(b",")}
