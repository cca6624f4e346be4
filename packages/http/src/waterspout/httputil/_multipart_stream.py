"""``multipart/form-data`` bodies that are taken apart while they arrive (RFC 7578).

`MultipartStream.receive` takes any bytes and gives events; it holds on to no more than one part's head, or the start
of what may become a delimiter. The phases are ``Phase``; a body goes

    PREAMBLE -> DELIMITER -> HEAD -> CONTENT -> DELIMITER -> ... -> EPILOGUE
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from waterspout.httputil._boundary import MAX_PADDING, check_boundary
from waterspout.httputil._errors import HTTPInputError
from waterspout.httputil._limits import ParseMultipartConfig, default_parse_body_config
from waterspout.httputil._part_head import PartHead, parse_part_head
from waterspout.util import is_tornado_compat

__all__ = ["MultipartStream", "PartData", "PartEnd", "PartHead"]

#: Bytes of a part that is no file; such values end up in memory (Tornado has no limit, Starlette 1 MB).
MAX_FIELD_SIZE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PartData:
    """The next bytes of the part whose `PartHead` came last; never empty."""

    __module__ = "waterspout.httputil"

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The part is complete."""

    __module__ = "waterspout.httputil"


class Phase(enum.Enum):
    """Where in the body the next byte is."""

    PREAMBLE = enum.auto()
    DELIMITER = enum.auto()
    HEAD = enum.auto()
    CONTENT = enum.auto()
    EPILOGUE = enum.auto()


class MultipartStream:
    """Takes one body apart. Call `receive` with what arrives, then `receive_eof`; both raise `HTTPInputError`.

    Limits: *config* (default: the process's) for parts and their heads; *max_field_size* bytes for a part without a
    file name and *max_file_size* bytes for one with, either None for no limit: 413 as soon as it is passed. The
    size of the whole, preamble and epilogue included, is limited by whoever reads the body. After an error the
    object must not be used again.
    """

    __module__ = "waterspout.httputil"
    __slots__ = (
        "_config",
        "_delimiter",
        "_head",
        "_held",
        "_lenient",
        "_max_field_size",
        "_max_file_size",
        "_parts",
        "_phase",
        "_scanned",
        "_size",
    )

    def __init__(
        self,
        boundary: bytes,
        *,
        config: ParseMultipartConfig | None = None,
        max_field_size: int | None = MAX_FIELD_SIZE,
        max_file_size: int | None = None,
        compat: str | None = None,
    ) -> None:
        self._config = default_parse_body_config().multipart if config is None else config
        if not self._config.enabled:
            raise HTTPInputError("multipart/form-data parsing is disabled", 415)
        self._delimiter = b"\r\n--" + check_boundary(boundary, compat=compat)
        self._lenient = is_tornado_compat(compat)
        self._max_field_size = max_field_size
        self._max_file_size = max_file_size
        self._phase = Phase.PREAMBLE
        # The first delimiter needs no line end before it: begin as if there had been one.
        self._held = b"\r\n"
        self._scanned = 0
        self._parts = 0
        self._size = 0
        self._head: PartHead | None = None

    @property
    def complete(self) -> bool:
        """Whether the final delimiter has been seen."""
        return self._phase is Phase.EPILOGUE

    def receive(self, data: bytes) -> list[PartHead | PartData | PartEnd]:
        """The events that *data*, the next bytes of the body, completes."""
        events: list[PartHead | PartData | PartEnd] = []
        if self._phase is Phase.EPILOGUE:
            return events
        if self._held:
            data = self._held + data
            self._held = b""
        position = 0
        while position >= 0:
            if self._phase is Phase.CONTENT:
                position = self._read_content(data, position, events)
            elif self._phase is Phase.HEAD:
                position = self._read_head(data, position, events)
            elif self._phase is Phase.DELIMITER:
                position = self._read_delimiter(data, position)
            elif self._phase is Phase.PREAMBLE:
                position = self._read_preamble(data, position)
            else:
                break
        return events

    def receive_eof(self) -> None:
        """The body has ended. Raises `HTTPInputError` if the form has not."""
        if self._phase is not Phase.EPILOGUE:
            raise HTTPInputError("multipart body without its final boundary")

    # Each reader returns where the next phase goes on, or -1 after it has kept what has to wait for more.

    def _read_preamble(self, data: bytes, position: int) -> int:
        found = data.find(self._delimiter, position)
        if found < 0:
            self._held = data[self._possible_delimiter(data, position) :]
            return -1
        self._phase = Phase.DELIMITER
        return found + len(self._delimiter)

    def _read_delimiter(self, data: bytes, position: int) -> int:
        if data.startswith(b"--", position):
            self._phase = Phase.EPILOGUE
            return -1
        end = data.find(b"\n", position, position + MAX_PADDING)
        line = data[position : end + 1 if end >= 0 else position + MAX_PADDING].lstrip(b" \t")
        rest = data[position:] if end < 0 else line
        if end < 0 and (line in (b"", b"\r") or rest == b"-") and len(rest) < MAX_PADDING:
            self._held = rest
            return -1
        if line != b"\r\n":
            raise HTTPInputError("malformed multipart delimiter line")
        if self._parts == self._config.max_parts:
            raise HTTPInputError(f"too many parts: multipart body has more than {self._config.max_parts}")
        self._parts += 1
        self._phase = Phase.HEAD
        self._scanned = 0
        return end + 1

    def _read_head(self, data: bytes, position: int, events: list[PartHead | PartData | PartEnd]) -> int:
        # A head that arrives in small pieces is not searched from its start each time.
        end = data.find(b"\r\n\r\n", position + max(0, self._scanned - 3))
        limit = self._config.max_part_header_size
        if (end if end >= 0 else len(data) - 3) - position > limit:
            raise HTTPInputError(f"part header too large: over {limit} bytes")
        first = data[end + 2 : end + 2 + len(self._delimiter)] if end >= 0 else b""
        if end < 0 or (len(first) < len(self._delimiter) and self._delimiter.startswith(first)):
            # Not complete; or it is, and the next bytes tell whether its empty line begins a delimiter already.
            self._held = data[position:]
            self._scanned = len(self._held) if end < 0 else end - position
            return -1
        block = data[position:end]
        if self._delimiter in block or block.startswith(self._delimiter[2:]):
            raise HTTPInputError("multipart part without the empty line after its headers")
        self._head = parse_part_head(block, self._config, self._lenient)
        self._size = 0
        self._phase = Phase.CONTENT
        events.append(self._head)
        return end + 2 if first == self._delimiter else end + 4

    def _read_content(self, data: bytes, position: int, events: list[PartHead | PartData | PartEnd]) -> int:
        found = data.find(self._delimiter, position)
        stop = found if found >= 0 else self._possible_delimiter(data, position)
        if stop > position:
            self._grow(stop - position)
            events.append(PartData(data[position:stop]))
        if found < 0:
            self._held = data[stop:]
            return -1
        claimed = self._head.length if self._head is not None else None
        if claimed is not None and claimed != self._size:
            raise HTTPInputError(f"multipart part of {self._size} bytes claims a Content-Length of {claimed}")
        events.append(PartEnd())
        self._phase = Phase.DELIMITER
        return found + len(self._delimiter)

    def _grow(self, size: int) -> None:
        self._size += size
        is_file = self._head is not None and bool(self._head.filename)
        limit = self._max_file_size if is_file else self._max_field_size
        if limit is not None and self._size > limit:
            raise HTTPInputError(f"multipart {'file' if is_file else 'field'} exceeds {limit} bytes", 413)

    def _possible_delimiter(self, data: bytes, position: int) -> int:
        """Where at the end of *data* a delimiter may have begun; its length if none has."""
        # A boundary holds no CR, so only the last one in reach can be where it starts.
        at = data.rfind(b"\r", max(position, len(data) - len(self._delimiter) + 1))
        return at if at >= 0 and self._delimiter.startswith(data[at:]) else len(data)
