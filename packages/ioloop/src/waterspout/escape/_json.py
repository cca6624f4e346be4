"""JSON that may stand in a page."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any


@functools.cache
def _json() -> ModuleType:
    # Not at import: clients and stream servers use this package without JSON.
    import json

    return json


@functools.cache
def _encoder() -> Callable[[Any], str]:
    """What makes JSON text of a value as `json.dumps` does.

    `json.dumps` makes an encoder in C anew for each value; this is one for all, where the interpreter has it. It keeps
    no record of what it is inside of, so that threads may share it: a value that holds itself nests too deeply
    instead, and `json.dumps` then says what is wrong.
    """
    json = _json()
    make = json.encoder.c_make_encoder
    if make is None:  # an interpreter without it
        return json.dumps  # type: ignore[no-any-return]

    def default(value: Any) -> Any:
        return json.JSONEncoder().default(value)  # looked up now: applications teach it further types

    quote = json.encoder.encode_basestring_ascii
    encode = make(None, default, quote, None, ": ", ", ", False, False, True)

    def encoded(value: Any) -> str:
        try:
            return "".join(encode(value, 0))
        except RecursionError:
            return json.dumps(value)  # type: ignore[no-any-return]

    return encoded


def json_encode(value: Any) -> str:
    """`value` as JSON text that is safe inside of a ``<script>`` element.

    It never contains ``</`` or ``<!``, which would end the element or switch the HTML parser to
    another way of looking for its end (HTML, 13.2.5.4 script data states): those are written with a
    backslash or as ``\\u0021``, so that the decoded value is the same. All else is `json.dumps`.
    """
    text = _encoder()(value)
    if "<" in text:
        text = text.replace("</", r"<\/").replace("<!", r"<\u0021")
    return text


def json_decode(value: str | bytes) -> Any:
    """The value that the JSON text `value` stands for.

    Raises ValueError if it is not JSON, is not encoded in UTF-8, -16 or -32, or is nested deeper
    than the interpreter can follow (about 1,000 levels, less in a deep call).
    """
    try:
        return _json().loads(value)
    except RecursionError:
        # Not chained: the traceback of this one is as long as the text is deep.
        raise ValueError("JSON text is nested too deeply") from None
