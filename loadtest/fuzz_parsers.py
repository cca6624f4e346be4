"""Three parsers of requests with one answer: what messages they saw, and whether they refused, in `Outcome`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import h11
import httptools

from waterspout.http1 import Data, EndOfMessage, RequestReader
from waterspout.httputil import HTTPInputError, HTTPServerRequest


@dataclass
class Message:
    """One request: field names in lower case, values without white space around them, codings in lower case."""

    method: str
    target: bytes
    minor: int
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    ended: bool = False
    keep: bool = field(default=True, compare=False)

    def __post_init__(self) -> None:
        self.fields = [(name, value.lower() if name == b"transfer-encoding" else value) for name, value in self.fields]


@dataclass
class Outcome:
    """`verdict`: "accepted" (all is whole), "waiting" (more must come) or "refused" (`error` says why)."""

    verdict: str
    messages: list[Message]
    error: str = field(default="", compare=False)
    #: Where each message begins in what was fed, as far as ours knows; the last entry is where it stopped.
    starts: list[int] = field(default_factory=list, compare=False)

    def agrees(self, other: Outcome) -> bool:
        """Whether both say the same. Where both refuse, what came before must be the same; the rest of a refused
        message is nobody's business."""
        if self.verdict != other.verdict:
            return False
        if self.verdict == "accepted":
            return self.messages == other.messages
        return [m for m in self.messages if m.ended] == [m for m in other.messages if m.ended]

    def __str__(self) -> str:
        return f"{self.verdict} {self.error!r} {[m for m in self.messages]}"


def ours(raw: bytes, cuts: Iterable[int]) -> Outcome:
    """Waterspout's reader, fed in pieces that end at *cuts*."""
    reader = RequestReader()
    messages: list[Message] = []
    starts = [0]
    edges = [0, *cuts, len(raw)]
    goes_on = True
    try:
        for start, end in zip(edges, edges[1:], strict=False):
            data = raw[start:end]
            while goes_on:
                events = reader.receive(data)
                data = b""
                for event in events:
                    if _take(event, messages):
                        starts.append(end - reader.held)
                        goes_on = messages[-1].keep
                if not events or not reader.held:
                    break
    except HTTPInputError as error:
        _forget_bodies(messages)
        return Outcome("refused", messages, str(error), starts)
    waiting = bool(messages and not messages[-1].ended) or (goes_on and reader.held > 0)
    return Outcome("waiting" if waiting else "accepted", messages, "", starts)


def _take(event: Any, messages: list[Message]) -> bool:
    """Whether *event* ends a message."""
    if isinstance(event, HTTPServerRequest):
        fields = [(n.strip(b" \t").lower(), v.strip(b" \t")) for n, v in
                  (line.split(b":", 1) for line in event.field_block.split(b"\r\n")[1:])]  # fmt: skip
        minor = 1 if event.version == "HTTP/1.1" else 0
        messages.append(Message(event.method, event.uri.encode(), minor, fields, event.body, event.complete))
        messages[-1].keep = event.keep_alive
    elif isinstance(event, Data):
        messages[-1].body += event.data
    elif isinstance(event, EndOfMessage):
        messages[-1].ended = True
    return messages[-1].ended


def _forget_bodies(messages: list[Message]) -> None:
    """How much of the content was handed on before it broke depends on how it arrived."""
    if messages and not messages[-1].ended:
        messages[-1].body = b""


def by_h11(raw: bytes) -> Outcome:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=32 * 1024)
    messages: list[Message] = []
    try:
        connection.receive_data(raw)
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                fields = [(bytes(name), bytes(value)) for name, value in event.headers]
                minor = int(bytes(event.http_version)[-1:])
                messages.append(Message(bytes(event.method).decode("latin-1"), bytes(event.target), minor, fields))
            elif isinstance(event, h11.Data):
                messages[-1].body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                messages[-1].ended = True
                connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    return Outcome("accepted", messages)  # it closes here
                connection.start_next_cycle()
            else:
                break
    except h11.ProtocolError as error:
        _forget_bodies(messages)
        return Outcome("refused", messages, str(error))
    held = connection.trailing_data[0]
    waiting = bool(messages and not messages[-1].ended) or bool(held and event is h11.NEED_DATA)
    return Outcome("waiting" if waiting else "accepted", messages)


class _Collector:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.began = False
        self.parser: Any = None
        self.url = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.closes = False

    def on_message_begin(self) -> None:
        self.began, self.url, self.fields = True, b"", []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.began:
            self.fields.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.began = False  # what comes as a header from here on is a trailer
        minor = 1 if self.parser.get_http_version() == "1.1" else 0
        self.messages.append(Message(self.parser.get_method().decode(), self.url, minor, self.fields))
        self.closes = not self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        self.messages[-1].body += body

    def on_message_complete(self) -> None:
        self.messages[-1].ended = True


def by_llhttp(raw: bytes) -> Outcome:
    collector = _Collector()
    parser = collector.parser = httptools.HttpRequestParser(collector)
    messages = collector.messages
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        return Outcome("accepted", messages)
    except httptools.HttpParserError as error:
        if messages and messages[-1].ended and collector.closes and not collector.began:
            return Outcome("accepted", messages)  # it closes after this message, so nothing may follow
        _forget_bodies(messages)
        return Outcome("refused", messages, str(error))
    waiting = bool(messages and not messages[-1].ended) or collector.began
    return Outcome("waiting" if waiting else "accepted", messages)


PARSERS: dict[str, Callable[[bytes], Outcome]] = {"h11": by_h11, "llhttp": by_llhttp}
