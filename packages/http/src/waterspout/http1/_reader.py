"""Reading messages: bytes in, events out (RFC 9112). No I/O, no clock, no callbacks.

Theory of operation. A reader yields one message at a time: its head, pieces of content, its end. Having ended one
(state DONE) it keeps whatever followed and looks at it only when `receive` is called again, which its owner does when
the answer is out: so a pipelining peer never gets ahead of its answers, and a client never takes stray bytes for the
response to its next request. A message without content is one event, whose `complete` is true.

The two roles differ in how a head is read and what content follows it: that is all that the subclasses in
``_request_reader.py`` and ``_response_reader.py`` hold. Content is read by one small object per message that has any
(``_content.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from waterspout.http1._content import ContentReader
from waterspout.http1._events import EndOfMessage
from waterspout.http1._limits import Limits
from waterspout.http1._states import Reading
from waterspout.httputil._errors import HTTPInputError

__all__ = ["MessageReader"]

NOTHING: tuple[Any, ...] = ()
#: A head that comes in pieces of at most so many bytes is not looked at anew for each of them.
DRIP = 16
#: Python 3.11 looks for a member in an Enum by a detour through its metaclass.
_HEAD, _DONE = Reading.HEAD, Reading.DONE


class MessageReader:
    """What both roles share. Use `RequestReader` or `ResponseReader`."""

    __module__ = "waterspout.http1"

    __slots__ = ("_content", "_held", "_empty_lines", "_usual_max_body", "limits", "max_body", "state")

    state: Reading
    limits: Limits
    max_body: int

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        #: Bytes of content allowed in the message being read; may be changed until its content arrives.
        self.max_body = self._usual_max_body = limits.body
        self.state = _HEAD
        self._held = b""
        self._empty_lines = 0
        self._content: ContentReader | None = None

    @property
    def held(self) -> int:
        """Number of bytes received and not yet turned into events."""
        return len(self._held)

    def receive(self, data: bytes) -> Sequence[Any]:
        """Take *data* as it came from the peer and return the events that it completes, in order.

        In state DONE this begins the next message, with what was held of it before *data*; nothing is read ahead
        of the end of a message, so call it again (with ``b""``) while `held` is not 0 and `state` is DONE.
        Raises `HTTPInputError`, with the status to answer, when the peer breaks the protocol or a limit; nothing
        can be read after that.
        """
        if self._held:
            if len(data) <= DRIP and self.state is Reading.HEAD and self._put_by(data):
                return NOTHING
            data = self._held + data
            self._held = b""
        state = self.state
        if state is _DONE:
            self.state = state = _HEAD
            self.max_body = self._usual_max_body
            self._empty_lines = 0
        if state is _HEAD:
            return self._read_head(data) if data else NOTHING
        if self._content is not None:
            return self._read_content(data)
        self._held = data
        return NOTHING

    def receive_eof(self) -> Sequence[Any]:
        """The peer will send no more. Ends content that lasts until close; elsewhere inside a message it raises
        `HTTPInputError`, because the message was cut short (RFC 9112, 8)."""
        state, self.state = self.state, Reading.CLOSED
        if state is Reading.UNTIL_CLOSE:
            self._content = None
            return (EndOfMessage(),)
        if state is Reading.LENGTH or state is Reading.CHUNKS or (state is Reading.HEAD and self._held.strip(b"\r\n")):
            raise HTTPInputError(f"connection closed inside a message ({state.value})")
        return NOTHING

    def upgrade(self) -> bytes:
        """Stop reading HTTP; returns the bytes that came after the message, which belong to the next protocol."""
        self.state = Reading.UPGRADED
        self._content = None
        held, self._held = self._held, b""
        return held

    def _read_head(self, data: bytes) -> Sequence[Any]:
        raise NotImplementedError

    def _put_by(self, data: bytes) -> bool:
        """Add *data*, a few bytes, to a head that is not whole without looking at all of it; whether that was done."""
        return False

    def _read_content(self, data: bytes) -> Sequence[Any]:
        """Hand *data* to the content reader; what is left after the message's end is held."""
        content = self._content
        assert content is not None
        events: list[Any] = []
        try:
            rest = content.receive(data, events, self.max_body)
        except HTTPInputError:
            self.state = Reading.CLOSED
            raise
        if rest is not None:
            self._content = None
            self.state = Reading.DONE
            self._held = rest
        return events
