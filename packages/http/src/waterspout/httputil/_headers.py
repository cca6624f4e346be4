"""Header and trailer fields (RFC 9110, 5) as a mapping from normalised name to value.

A field that occurs once, as nearly all do, is one string in one dictionary. One that is repeated is a list, so that
adding to it stays cheap however often it occurs; the list is joined when the combined value is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Final, TypeVar, overload

from waterspout.httputil._errors import HTTPInputError, HTTPOutputError, InvalidFieldError
from waterspout.httputil._field_names import KNOWN, TOKEN, normalize
from waterspout.util import is_tornado_compat

__all__ = ["HTTP_WHITESPACE", "HTTPHeaders"]

T = TypeVar("T")
Self = TypeVar("Self", bound="HTTPHeaders")

#: What may stand around a field value (RFC 9110, 5.6.3: OWS).
HTTP_WHITESPACE: Final = " \t"

#: Control characters that no field value may hold; the horizontal tab is allowed inside (RFC 9110, 5.5).
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
#: The same, and what is no byte in Latin-1: text that was decoded from the wire cannot hold it.
_FORBIDDEN_OR_WIDE: Final = re.compile(r"[^\t -~\x80-\xff]")  # the same set said shorter compiles 100 times as fast
_SHOWN_IN_ERRORS: Final = 80


class HTTPHeaders(MutableMapping[str, str]):
    """Fields by name, in any case: ``headers["content-type"]`` and ``headers["Content-Type"]`` are one.

    As a mapping it has one value per name, repeated fields joined by ``,`` (RFC 9110, 5.3). `add`, `get_list` and
    `get_all` keep repeated fields apart, which ``Set-Cookie`` needs.

    Assignment refuses a name that is no token and a value with control characters with `ValueError`; `add`,
    `parse_line` and `parse` refuse them with an `HTTPInputError` that is a `ValueError` too. Bytes are taken as
    Latin-1, what a field is on the wire, and an assigned list as repeated fields; any other type is a `TypeError`.
    """

    __module__ = "waterspout.httputil"
    __slots__ = ("_fields",)

    _fields: dict[str, str | list[str]]

    @overload
    def __init__(self, arg: Mapping[str, str], /) -> None: ...
    @overload
    def __init__(self, arg: Iterable[tuple[str, str]], /) -> None: ...
    @overload
    def __init__(self, **kwargs: str) -> None: ...
    @overload
    def __init__(self, arg: Mapping[str, str] | Iterable[tuple[str, str]], /, **kwargs: str) -> None: ...
    def __init__(self, *args: Any, **kwargs: str) -> None:  # type: ignore[misc]  # "self" is no field
        """From another `HTTPHeaders` (repeated fields stay apart), or whatever a ``dict`` can be made from.

        Of pairs with the same name the last one wins; use `from_pairs` to keep them all.
        """
        self._fields = {}
        if args or kwargs:
            if len(args) == 1 and not kwargs and isinstance(args[0], HTTPHeaders):
                self._fields = _copied(args[0]._fields)
            else:
                self.update(*args, **kwargs)

    @classmethod
    def from_pairs(cls: type[Self], pairs: Iterable[tuple[str, str]], trusted: bool = False) -> Self:
        """Headers of all *pairs* in their order, repeated names kept apart.

        With *trusted* nothing is checked: for pairs that a codec has already found valid. Otherwise each pair is
        checked as `add` does, and `HTTPInputError` raised.
        """
        self = cls.__new__(cls)
        fields: dict[str, str | list[str]] = {}
        self._fields = fields
        if not trusted:
            for name, value in pairs:
                self.add(name, value)
            return self
        known = KNOWN
        for name, value in pairs:
            key = known.get(name) or normalize(name)
            if key in fields:
                present = fields[key]
                if isinstance(present, list):
                    present.append(value)
                else:
                    fields[key] = [present, value]
            else:
                fields[key] = value
        return self

    # What a mapping has.

    def __getitem__(self, name: str) -> str:
        key = KNOWN.get(name) or normalize(name)
        value = self._fields[key]
        return value if isinstance(value, str) else ",".join(value)

    def __setitem__(self, name: str, value: str) -> None:
        try:
            key = _checked_name(name)
            if isinstance(value, list):  # fields as a header block's parser elsewhere may give them: all of one name
                self._fields[key] = [_checked_value(one, False) for one in value]
            else:
                self._fields[key] = _checked_value(value, False)
        except HTTPInputError as error:  # not the peer's fault: the caller's own field
            raise ValueError(str(error)) from None

    def __delitem__(self, name: str) -> None:
        del self._fields[normalize(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (KNOWN.get(name) or normalize(name)) in self._fields

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, default: str | T, /) -> str | T: ...
    @overload
    def get(self, name: str, /, default: str | T) -> str | T: ...
    def get(self, name: str, default: Any = None) -> Any:
        """The value of *name*, repeated fields joined by ``,``, or *default*."""
        value = self._fields.get(KNOWN.get(name) or normalize(name))
        if value is None:
            return default
        return value if isinstance(value, str) else ",".join(value)

    # What fields have beyond a mapping.

    def add(self, name: str, value: str, *, _chars_are_bytes: bool = True) -> None:
        """Add one more field, whether or not *name* is present.

        Raises `HTTPInputError` for a name that is no token, a value with control characters and, unless
        *_chars_are_bytes* is false, a value with characters that are not Latin-1.
        """
        key = _checked_name(name)
        value = _checked_value(value, _chars_are_bytes)
        present = self._fields.get(key)
        if present is None:
            self._fields[key] = value
        elif isinstance(present, list):
            present.append(value)
        else:
            self._fields[key] = [present, value]

    def get_list(self, name: str) -> list[str]:
        """All values of *name*, each field apart; empty where there is none."""
        value = self._fields.get(KNOWN.get(name) or normalize(name))
        if value is None:
            return []
        return [value] if isinstance(value, str) else list(value)

    def get_all(self) -> Iterable[tuple[str, str]]:
        """``(name, value)`` of every field; those of one name together, where the first of them stands."""
        for name, value in self._fields.items():
            if isinstance(value, str):
                yield name, value
            else:
                for one in value:
                    yield name, one

    def to_text(self) -> str:
        """The field lines as they are sent, each ended by CRLF; without the empty line after them."""
        lines = []
        for name, value in self._fields.items():
            if isinstance(value, str):
                lines.append(f"{name}: {value}\r\n")
            else:
                lines += [f"{name}: {one}\r\n" for one in value]
        return "".join(lines)

    def to_bytes(self) -> bytes:
        """The field lines as they are sent, each ended by CRLF, Latin-1; without the empty line after them.

        Raises `HTTPOutputError` for a value that Latin-1 does not hold.
        """
        lines = [f"{name}: {value}\r\n" for name, value in self.get_all()]
        try:
            return "".join(lines).encode("latin-1")
        except UnicodeEncodeError as error:
            wrong = next(line for line in lines if not _is_latin1(line))
            raise HTTPOutputError(
                f"field {wrong.partition(':')[0]} holds characters outside Latin-1; encode its value (RFC 8187)"
            ) from error

    # Reading text.

    def parse_line(self, line: str, *, _chars_are_bytes: bool = True, compat: str | None = None) -> None:
        """Add the field of one line, which may end with CRLF.

        Raises `HTTPInputError` for a line that starts with white space (line folding, RFC 9112, 5.2), has no
        colon, white space before the colon, or characters that a name or value must not have. A line feed without
        carriage return is refused too, unless *compat* (default: the process's) is ``"tornado"``. An empty line
        adds nothing.
        """
        if line.endswith("\r\n"):
            line = line[:-2]
        elif line.endswith("\n") and is_tornado_compat(compat):
            line = line[:-1]
        if line:
            self._add_line(line, _chars_are_bytes)

    def _add_line(self, line: str, chars_are_bytes: bool) -> None:
        if line[0] in HTTP_WHITESPACE:
            raise HTTPInputError("header line starts with white space; line folding is not supported")
        name, colon, value = line.partition(":")
        if not colon:
            raise HTTPInputError(f"no colon in header line {line[:_SHOWN_IN_ERRORS]!r}")
        self.add(name, value.strip(HTTP_WHITESPACE), _chars_are_bytes=chars_are_bytes)

    @classmethod
    def parse(cls: type[Self], headers: str, *, _chars_are_bytes: bool = True, compat: str | None = None) -> Self:
        """Headers from the text of a header block: lines that each end with CRLF (the last one need not).

        Raises `HTTPInputError` as `parse_line` does, and for an empty line with more text after it: that would be
        the end of the head. With *compat* ``"tornado"`` a bare line feed ends a line and empty lines are skipped.
        """
        self = cls()
        lenient = is_tornado_compat(compat)
        if lenient:
            headers = headers.replace("\r\n", "\n")
        lines = headers.split("\n" if lenient else "\r\n")
        while lines and not lines[-1]:
            lines.pop()
        for line in lines:
            if line:
                self._add_line(line, _chars_are_bytes)
            elif not lenient:
                raise HTTPInputError("empty line inside a header block")
        return self

    # Copies, text, pickles.

    def copy(self: Self) -> Self:
        """A copy that shares nothing that can change."""
        twin = type(self).__new__(type(self))
        twin._fields = _copied(self._fields)
        return twin

    __copy__ = copy

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (), _copied(self._fields)

    def __setstate__(self, state: dict[str, str | list[str]]) -> None:
        self._fields = state

    def __str__(self) -> str:
        return "".join([f"{name}: {value}\n" for name, value in self.get_all()])

    __unicode__ = __str__

    def __repr__(self) -> str:
        # Names only: values hold credentials, and a repr ends up in logs.
        return f"<{type(self).__name__}: {', '.join(self._fields)}>"


def _copied(fields: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
    return {name: value if isinstance(value, str) else list(value) for name, value in fields.items()}


def _is_latin1(text: str) -> bool:
    return text.isascii() or max(text) <= "\xff"


def _checked_name(name: str) -> str:
    known = KNOWN.get(name)
    if known is not None:
        return known
    if not isinstance(name, str):
        raise TypeError(f"field name must be str, not {type(name).__name__}")
    if TOKEN.fullmatch(name) is None:
        raise InvalidFieldError(f"Invalid header name {name[:_SHOWN_IN_ERRORS]!r}")
    return normalize(name)


def _checked_value(value: str, chars_are_bytes: bool) -> str:
    if not isinstance(value, str):
        if not isinstance(value, bytes):
            raise TypeError(f"field value must be str or bytes, not {type(value).__name__}")
        value = value.decode("latin-1")
    if value.isascii() and value.isprintable():
        return value
    if (_FORBIDDEN_OR_WIDE if chars_are_bytes else _FORBIDDEN).search(value) is not None:
        raise InvalidFieldError(f"Invalid header value {value[:_SHOWN_IN_ERRORS]!r}")
    return value
