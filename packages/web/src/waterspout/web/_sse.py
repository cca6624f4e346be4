"""Server-sent events as they stand on the wire (HTML standard, 9.2.6)."""

import re
from typing import Any

from waterspout.escape import utf8

CONTENT_TYPE = "text/event-stream"

# For an event stream: nothing on the way may keep, gather or change it. X-Accel-Buffering is nginx's.
HEADERS = (("Content-Type", CONTENT_TYPE), ("Cache-Control", "no-cache, no-transform"), ("X-Accel-Buffering", "no"))

_LINE_END = re.compile(r"\r\n|\r|\n")
_BREAKS_FIELD = re.compile(r"[\r\n]")


def format_event(
    data: str | bytes | None = None,
    *,
    event: str | None = None,
    id: str | None = None,
    retry: int | None = None,
) -> bytes:
    """Return one event, ready to be written and flushed.

    ``data`` may have several lines: each becomes a ``data:`` field, so that no line of it can pass as another
    field. ``event`` is its type, ``id`` what the browser sends as ``Last-Event-ID`` when it comes back, ``retry``
    the milliseconds after which it does.

    Raises ValueError for a line break in ``event`` or ``id``, NUL in ``id`` (browsers would ignore the field), a
    negative ``retry``.
    """
    lines = []
    if event is not None:
        lines.append(_field("event", event))
    if id is not None:
        if "\0" in id:
            raise ValueError("NUL in the id of an event")
        lines.append(_field("id", id))
    if retry is not None:
        if retry < 0:
            raise ValueError(f"retry must be milliseconds, not {retry}")
        lines.append(f"retry: {int(retry)}")
    if data is not None:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        lines += [f"data: {line}" for line in _LINE_END.split(text)]
    return utf8("\n".join(lines) + "\n\n")


def format_json_event(value: Any, *, event: str | None = None, id: str | None = None) -> bytes:
    """`format_event` with ``value`` as JSON."""
    import json  # the handlers that stream JSON need it, importing the framework does not

    return format_event(json.dumps(value), event=event, id=id)


def format_comment(text: str = "") -> bytes:
    """Return a comment, which browsers ignore: sent now and then it keeps proxies from closing a quiet stream."""
    return utf8("".join(f": {line}\n" for line in _LINE_END.split(text)) + "\n")


def _field(name: str, value: str) -> str:
    if _BREAKS_FIELD.search(value):
        raise ValueError(f"line break in the {name} of an event: {value[:80]!r}")
    return f"{name}: {value}"
