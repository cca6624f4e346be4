"""The WebSocket protocol after the handshake, for both roles (RFC 6455, 5-8), without I/O.

Theory of operation. `receive` takes what came from the socket, in any pieces, and gives events. Whole messages in one
frame of up to 64 KiB, nearly all there are, are decoded in `receive` itself, short ones without another Python call.
Everything else goes through `_read`: `Reading` says whether a frame's head or its payload is next. Heads and control
frames, at most 131 bytes, are held back until they are complete; payloads of data frames are taken as they come,
unmasked, inflated and checked at once, so that bad text and messages over the limit are refused as early as they can
be, before they are kept.

Each sending method returns the bytes of one frame. The order in which they are called is the order to send them in.
"""

from __future__ import annotations

import enum
from typing import Final

from waterspout.ws._assembly import Assembly
from waterspout.ws._close_codes import CloseCode
from waterspout.ws._close_frame import close_payload, read_close
from waterspout.ws._deflate import PerMessageDeflate
from waterspout.ws._errors import ClosedError, ProtocolViolation
from waterspout.ws._events import BinaryMessage, Event, Ping, Pong, ProtocolError, TextMessage
from waterspout.ws._frames import BINARY_HEADS, FIN, MASK, RSV1, SMALL, TEXT_HEADS, Opcode, head, masked_frame
from waterspout.ws._masking import ACCELERATED, REPEATED, SURPLUS, apply_mask
from waterspout.ws._states import TRANSITIONS, Happening, Role, State

__all__ = ["Connection"]

#: Tornado's limit; what browsers and other servers send is far below.
MAX_MESSAGE_SIZE: Final = 10 * 1024 * 1024
#: Frames of one message beyond one for every `FULL_FRAGMENT` bytes: empty fragments cost the sender next to nothing.
MAX_FRAGMENTS: Final = 1024
FULL_FRAGMENT: Final = 32

#: By role: the mask bit that received frames must have, and the bytes before a short payload.
_INCOMING: Final = {Role.SERVER: (MASK, 6), Role.CLIENT: (0, 2)}
_OPEN: Final = State.OPEN
_TEXT: Final = FIN | Opcode.TEXT
_BINARY: Final = FIN | Opcode.BINARY
_DATA_OPCODES: Final = frozenset((Opcode.CONTINUATION, Opcode.TEXT, Opcode.BINARY))
_CONTROL_OPCODES: Final = frozenset((Opcode.CLOSE, Opcode.PING, Opcode.PONG))

_from_bytes = int.from_bytes
_new = object.__new__


class Reading(enum.Enum):
    """What the next received byte belongs to."""

    HEAD = enum.auto()
    PAYLOAD = enum.auto()
    #: To nothing: the last event has been given.
    END = enum.auto()


class Connection:
    """One WebSocket connection.

    *max_message_size* limits messages in bytes, after decompression, and *max_fragments* the frames of each, to which
    one is added for every 32 bytes of the message: the peer that passes one gets close code 1009. *extension* is what
    was negotiated, or None. `state` says what may still be sent.
    """

    __module__ = "waterspout.ws"
    __slots__ = (
        "__weakref__",
        "_assembly",
        "_between",
        "_final",
        "_held",
        "_key",
        "_mask_bit",
        "_max_fragments",
        "_max_message_size",
        "_overhead",
        "_reading",
        "_remaining",
        "_sending",
        "_small",
        "extension",
        "role",
        "state",
    )

    state: State
    role: Role
    extension: PerMessageDeflate | None

    def __init__(
        self,
        role: Role,
        *,
        max_message_size: int = MAX_MESSAGE_SIZE,
        max_fragments: int = MAX_FRAGMENTS,
        extension: PerMessageDeflate | None = None,
    ) -> None:
        self.role = role
        self.state = _OPEN
        self.extension = extension
        self._mask_bit, self._overhead = _INCOMING[role]
        self._max_message_size = max_message_size
        self._max_fragments = max_fragments
        self._small = min(SMALL, max_message_size)
        self._reading = Reading.HEAD
        #: Whether a head is next and no message has begun: the condition of the short way through `receive`.
        self._between = True
        self._held = b""
        self._assembly: Assembly | None = None
        # The frame that is being read: bytes of payload to come, whether it ends the message, its mask from there on.
        self._remaining = 0
        self._final = False
        self._key = b""
        #: Opcode of the message that is being sent in fragments, if one is.
        self._sending: Opcode | None = None

    # Receiving.

    def receive_message(self, data: bytes) -> str | bytes | None:
        """The message, if *data* is one short message in one frame and nothing else, which is what mostly comes.

        None for anything else: nothing of *data* is read then, and `receive` has to be called with it.
        """
        overhead = self._overhead
        size = len(data) - overhead
        if not 0 <= size <= self._small or data[1] - self._mask_bit != size or not self._between or self._held:
            return None
        first = data[0]
        if first != _TEXT and first != _BINARY:
            return None
        if overhead == 2:
            payload = data[2:]
        elif ACCELERATED:
            payload = apply_mask(data[6:], data[2:6])
        else:  # the key and the payload as one integer: XOR with the key, over and over, leaves the payload
            masked = _from_bytes(data[2:])
            payload = (masked ^ (masked >> 8 * size) * REPEATED[size + 4] >> SURPLUS[size]).to_bytes(size)
        if first == _BINARY:
            return payload
        try:
            return payload.decode()
        except UnicodeDecodeError:
            return None

    def receive(self, data: bytes) -> list[Event]:
        """The events that *data*, the next bytes from the peer, completes.

        After a `Close` or `ProtocolError`, which are always the last, nothing is read and no event given. Never raises
        for anything that a peer can send.
        """
        events: list[Event] = []
        if self._held:
            data = self._held + data
            self._held = b""
        position, end = 0, len(data)
        mask_bit, overhead, small = self._mask_bit, self._overhead, self._small
        while position < end:
            start = position + overhead
            if self._between and start <= end:
                first = data[position]
                size = data[position + 1] - mask_bit
                stop = start + size
                if size == 126 and start + 2 <= end:
                    start += 2
                    size = data[position + 2] << 8 | data[position + 3]
                    # What is wrong or too long with it, `_read` says.
                    stop = start + size if SMALL < size <= self._max_message_size else end + 1
                elif not 0 <= size <= small:
                    stop = end + 1
                if stop <= end and (first == _TEXT or first == _BINARY):
                    payload = data[start:stop]
                    if mask_bit:
                        if ACCELERATED or size > SMALL:
                            payload = apply_mask(payload, data[start - 4 : start])
                        else:  # what it does for short payloads, without a call
                            mask = _from_bytes(data[start - 4 : start]) * REPEATED[size] >> SURPLUS[size]
                            payload = (_from_bytes(payload) ^ mask).to_bytes(size)
                    if first == _TEXT:
                        try:
                            text = payload.decode()
                        except UnicodeDecodeError:
                            self._fail(CloseCode.INVALID_PAYLOAD, "text message is not UTF-8", events)
                            return events
                        event = _new(TextMessage)
                        event.data = text
                        events.append(event)
                    else:
                        message = _new(BinaryMessage)
                        message.data = payload
                        events.append(message)
                    position = stop
                    continue
            try:
                position = self._read(data, position, events)
            except ProtocolViolation as violation:
                self._fail(violation.code, violation.reason, events)
                return events
        return events

    def _read(self, data: bytes, position: int, events: list[Event]) -> int:
        """Take one head, control frame or piece of payload; where to go on, which is the end of *data* to wait."""
        if self._reading is Reading.PAYLOAD:
            return self._read_payload(data, position, events)
        if self._reading is Reading.HEAD:
            return self._read_head(data, position, events)
        return len(data)

    def _read_head(self, data: bytes, position: int, events: list[Event]) -> int:
        if len(data) - position < 2:
            return self._hold(data, position)
        first, size = data[position], data[position + 1]
        opcode = first & 0x0F
        # What these two bytes show to be wrong is refused without waiting for the rest.
        if size & MASK != self._mask_bit:
            violation = "frame is not masked" if self._mask_bit else "frame is masked"
            raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, violation)
        size &= 0x7F
        if opcode in _CONTROL_OPCODES:
            if size > SMALL or first & 0xF0 != FIN:
                raise ProtocolViolation(
                    CloseCode.PROTOCOL_ERROR, "control frame is long, fragmented or has RSV bits set"
                )
            return self._read_control(opcode, size, data, position, events)
        self._check_data_opcode(first, opcode)
        start = position + 2
        if size > SMALL:
            width = 2 if size == 126 else 8
            start += width
            if len(data) < start:
                return self._hold(data, position)
            size = _from_bytes(data[start - width : start])
            # The shortest form is the only valid one, and the highest bit is not used (5.2).
            if size >> 63 or size <= SMALL or (width == 8 and size < 1 << 16):
                raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "malformed payload length")
        if self._mask_bit:
            start += 4
            if len(data) < start:
                return self._hold(data, position)
        self._begin_frame(first, opcode, size)
        self._key = data[start - 4 : start] if self._mask_bit else b""
        return self._read_payload(data, start, events)

    def _check_data_opcode(self, first: int, opcode: int) -> None:
        if opcode not in _DATA_OPCODES:
            raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, f"opcode {opcode} is not defined")
        if (opcode == Opcode.CONTINUATION) != (self._assembly is not None):
            wrong = (
                "continuation without a message" if self._assembly is None else "new message inside a fragmented one"
            )
            raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, wrong)
        # RSV1 marks a compressed message, on its first frame only (RFC 7692, 6.1); nothing uses the others.
        allowed = RSV1 if self.extension is not None and opcode != Opcode.CONTINUATION else 0
        if first & 0x70 & ~allowed:
            raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "RSV bits are set without an extension that uses them")

    def _begin_frame(self, first: int, opcode: int, size: int) -> None:
        limit = self._max_message_size
        assembly = self._assembly
        if assembly is None:
            inflate = self.extension if first & RSV1 else None
            assembly = self._assembly = Assembly(opcode == Opcode.TEXT, inflate, limit)
        assembly.fragments += 1
        # Data that deflate cannot make smaller becomes a little larger: leave room for that.
        allowed = limit - assembly.size if assembly.inflate is None else limit + limit // 1000 + 1024
        if size > allowed:
            raise ProtocolViolation(CloseCode.MESSAGE_TOO_BIG, f"message is longer than {limit} bytes")
        if assembly.fragments > self._max_fragments + assembly.size // FULL_FRAGMENT:
            reason = f"message has more than {assembly.fragments - 1} fragments"
            raise ProtocolViolation(CloseCode.MESSAGE_TOO_BIG, reason)
        self._final = first & FIN != 0
        self._remaining = size
        self._reading = Reading.PAYLOAD
        self._between = False

    def _read_payload(self, data: bytes, position: int, events: list[Event]) -> int:
        stop = min(position + self._remaining, len(data))
        piece = data[position:stop]
        self._remaining -= len(piece)
        if self._mask_bit:
            key = self._key
            piece = apply_mask(piece, key)
            if self._remaining:
                turn = (stop - position) % 4
                self._key = key[turn:] + key[:turn]
        frame_ends = self._remaining == 0
        last = frame_ends and self._final
        assembly = self._assembly
        assert assembly is not None
        message = assembly.add(piece, last)
        if frame_ends:
            self._reading = Reading.HEAD
        if message is not None:
            self._assembly = None
            self._between = True
            events.append(message)
        return stop

    def _read_control(self, opcode: int, size: int, data: bytes, position: int, events: list[Event]) -> int:
        start = position + self._overhead
        stop = start + size
        if len(data) < stop:
            return self._hold(data, position)
        payload = data[start:stop]
        if self._mask_bit:
            payload = apply_mask(payload, data[start - 4 : start])
        if opcode == Opcode.PING:
            events.append(Ping(payload))
        elif opcode == Opcode.PONG:
            events.append(Pong(payload))
        else:
            events.append(read_close(payload))
            self._end(Happening.CLOSE_RECEIVED)
            return len(data)
        return stop

    def _hold(self, data: bytes, position: int) -> int:
        self._held = data[position:]
        return len(data)

    def _fail(self, code: int, reason: str, events: list[Event]) -> None:
        events.append(ProtocolError(int(code), reason))
        self._end(Happening.PROTOCOL_BROKEN)

    def _end(self, happening: Happening) -> None:
        self.state = TRANSITIONS[self.state, happening]
        self._reading = Reading.END
        self._between = False
        self._assembly = None

    # Sending.

    def send_text(self, text: str) -> bytes:
        """The frame of the text message *text*.

        Raises `ClosedError` unless the state is ``OPEN``, RuntimeError inside a fragmented message, UnicodeEncodeError
        for a lone surrogate.
        """
        payload = text.encode()
        if self.state is not _OPEN or self._sending is not None:
            self._refuse()
        extension = self.extension
        if extension is not None and len(payload) >= extension.threshold:
            return self._frame(_TEXT | RSV1, extension.compress(payload))
        size = len(payload)
        if self._mask_bit and size <= SMALL:
            return TEXT_HEADS[size] + payload
        return self._frame(_TEXT, payload)

    def send_binary(self, data: bytes | bytearray | memoryview) -> bytes:
        """The frame of the binary message *data*. Raises as `send_text` does."""
        payload = data if isinstance(data, bytes) else _as_bytes(data)
        if self.state is not _OPEN or self._sending is not None:
            self._refuse()
        extension = self.extension
        if extension is not None and len(payload) >= extension.threshold:
            return self._frame(_BINARY | RSV1, extension.compress(payload))
        size = len(payload)
        if self._mask_bit and size <= SMALL:
            return BINARY_HEADS[size] + payload
        return self._frame(_BINARY, payload)

    def send_fragment(self, data: str | bytes | bytearray | memoryview, *, final: bool) -> bytes:
        """The frame of the next part of a message, text or binary by the type of *data*; the message ends with *final*.

        Fragments are not compressed. Control frames may be sent between them, other messages may not. Raises
        `ClosedError` unless the state is ``OPEN``, TypeError for parts of different kinds in one message.
        """
        if self.state is not _OPEN:
            self._refuse()
        kind = Opcode.TEXT if isinstance(data, str) else Opcode.BINARY
        if self._sending is not None and self._sending is not kind:
            raise TypeError("all fragments of a message must be str, or all bytes")
        first = int(kind if self._sending is None else Opcode.CONTINUATION)
        self._sending = None if final else kind
        return self._frame(first | FIN if final else first, data.encode() if isinstance(data, str) else _as_bytes(data))

    def ping(self, data: bytes = b"") -> bytes:
        """The frame of a Ping with at most 125 bytes. Raises `ClosedError` unless the state is ``OPEN``."""
        return self._control(Opcode.PING, data)

    def pong(self, data: bytes = b"") -> bytes:
        """The frame of a Pong, normally with the data of the latest `Ping`. Raises as `ping` does."""
        return self._control(Opcode.PONG, data)

    def close(self, code: int | None = None, reason: str = "") -> bytes:
        """The frame that closes our side; the last one that can be sent.

        With a *reason* but no *code*, 1000 is sent. Raises ValueError for a code that must not be sent, or a reason of
        more than 123 bytes in UTF-8, and `ClosedError` if our Close has been sent before.
        """
        if (self.state, Happening.CLOSE_SENT) not in TRANSITIONS:
            self._refuse()
        closing = self._frame(FIN | Opcode.CLOSE, close_payload(code, reason))
        self.state = TRANSITIONS[self.state, Happening.CLOSE_SENT]
        self._sending = None
        return closing

    def _control(self, opcode: Opcode, data: bytes) -> bytes:
        if self.state is not _OPEN:
            self._refuse()
        if len(data) > SMALL:
            raise ValueError(f"{opcode.name.lower()} has {len(data)} bytes; the limit is {SMALL}")
        return self._frame(FIN | opcode, data)

    def _frame(self, first: int, payload: bytes) -> bytes:
        if self._mask_bit:
            return head(first, len(payload), 0) + payload
        return masked_frame(first, payload)

    def _refuse(self) -> None:
        if self.state is _OPEN:
            raise RuntimeError("a fragmented message is being sent; end it with send_fragment(..., final=True) first")
        raise ClosedError(f"nothing can be sent: the connection is {self.state.name.lower().replace('_', ' ')}")


def _as_bytes(data: bytes | bytearray | memoryview) -> bytes:
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"binary message must be bytes, not {type(data).__name__}")
    return bytes(data)
