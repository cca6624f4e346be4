"""JSON that may stand in a page."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any


@functools.cache
def _json() -> ModuleType:
    # Not at import: clients and stream servers use this package without JSON.
    import json

    return json


def json_encode(value: Any) -> str:
    """`value` as JSON text that is safe inside of a ``<script>`` element.

    It never contains ``</`` or ``<!``, which would end the element or switch the HTML parser to
    another way of looking for its end (HTML, 13.2.5.4 script data states): those are written with a
    backslash or as ``\\u0021``, so that the decoded value is the same. All else is `json.dumps`.
    """
    text: str = _json().dumps(value)
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
