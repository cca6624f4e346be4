"""No framework at all, as a floor for granian: ``python -m granian --interface asgi raw_asgi:app``.

It answers every request alike, so it takes part in the rows that ask for "Hello, World!" only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]
START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"13")],
}
BODY: Message = {"type": "http.response.body", "body": b"Hello, World!"}


async def app(
    scope: Message, _receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if scope["type"] == "http":
        await send(START)
        await send(BODY)
