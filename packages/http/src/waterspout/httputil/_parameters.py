"""``value; name=value; name="quoted \\" value"``: Content-Type, Content-Disposition and their like (RFC 9110, 5.6.6).

One regular expression is applied from parameter to parameter; every repetition in it is possessive and each match
takes at least one character, so the time is linear whatever is sent.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from waterspout.httputil._errors import HTTPInputError

__all__ = ["decode_extended_value", "parse_parameters", "split_parameters"]

_PARAMETER: Final = re.compile(
    r"[ \t]*+;[ \t]*+"  # ";;" and a trailing ";" are allowed (5.6.6)
    r"(?>(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]++)[ \t]*+=[ \t]*+"
    r'(?:"((?>(?:[^"\\]++|\\.)*))"|([^;"]*+)))?)[ \t]*+'
)
_ANY_QUOTED_PAIR: Final = re.compile(r"\\(.)")
_QUOTED_QUOTE_OR_BACKSLASH: Final = re.compile(r"\\([\"\\])")
_EXTENDED_VALUE: Final = re.compile(
    r"([A-Za-z0-9-]++)'[A-Za-z0-9-]*+'((?>(?:[!#$&+\-.^_`|~0-9A-Za-z]|%[0-9A-Fa-f]{2})*))"
)
_SHOWN_IN_ERRORS: Final = 80


def split_parameters(value: str, *, form_data: bool = False) -> tuple[str, list[tuple[str, str]]]:
    """``(first, [(name, value), ...])``: what stands before the first ``;``, and all parameters in their order.

    The first part and the names are lower case, quoted strings are unquoted. With *form_data* a backslash inside
    a quoted string stands for itself unless a quote or another backslash follows: browsers send the backslashes of
    file names as they are. Raises `HTTPInputError` for whatever is no parameter, such as an unterminated quote.
    """
    first = value.partition(";")[0]
    position = len(first)
    parameters: list[tuple[str, str]] = []
    while position < len(value):
        match = _PARAMETER.match(value, position)
        if match is None:
            raise HTTPInputError(f"malformed parameter at character {position} of {value[:_SHOWN_IN_ERRORS]!r}")
        name, quoted, plain = match.groups()
        if quoted is not None:
            if "\\" in quoted:
                quoted = (_QUOTED_QUOTE_OR_BACKSLASH if form_data else _ANY_QUOTED_PAIR).sub(r"\1", quoted)
            parameters.append((name.lower(), quoted))
        elif name is not None:
            parameters.append((name.lower(), plain.rstrip(" \t")))
        position = match.end()
    return first.strip(" \t").lower(), parameters


def parse_parameters(value: str, *, form_data: bool = False) -> tuple[str, dict[str, str]]:
    """Like `split_parameters`, with the parameters as a dictionary.

    Raises `HTTPInputError` for a repeated parameter too: two readers could take different ones.
    """
    first, pairs = split_parameters(value, form_data=form_data)
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise HTTPInputError(f"repeated parameter in {value[:_SHOWN_IN_ERRORS]!r}")
    return first, parameters


def decode_extended_value(value: str) -> str:
    """The text of an extended parameter value, ``charset'language'percent-encoded`` (RFC 8187).

    Raises `HTTPInputError` for another form, another charset than UTF-8 and ISO-8859-1, or bytes that are not valid
    in it.
    """
    match = _EXTENDED_VALUE.fullmatch(value)
    if match is None or match[1].lower() not in ("utf-8", "iso-8859-1"):
        raise HTTPInputError(f"malformed extended parameter value {value[:_SHOWN_IN_ERRORS]!r}")
    try:
        return unquote_to_bytes(match[2]).decode(match[1])
    except UnicodeDecodeError as error:
        raise HTTPInputError(f"extended parameter value {value[:_SHOWN_IN_ERRORS]!r} is not {match[1]}") from error
