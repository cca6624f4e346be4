"""broadcast: one message to many clients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from waterspout.escape import json_encode, utf8
from waterspout.websocket._handler import WebSocketHandler
from waterspout.ws import Opcode, frame
from waterspout.wsconnection import WebSocketConnection

__all__ = ["broadcast"]


def broadcast(handlers: Iterable[WebSocketHandler], message: str | bytes | dict[str, Any], binary: bool = False) -> int:
    """Send *message*, text or bytes if *binary* (a dictionary as JSON), to all *handlers*; to how many it was sent.

    It is encoded and framed once, and not compressed. Handlers whose connection is closed, or closing, are left out.
    Nobody waits for slow clients: for them, ``overflow`` should say `Overflow.DROP` or `Overflow.CLOSE`, with which
    memory is bounded by ``high_water``; with `Overflow.WAIT` what is not read yet is kept. Raises UnicodeDecodeError
    for bytes that are no text unless *binary*.
    """
    payload = utf8(json_encode(message) if isinstance(message, dict) else message)
    if not binary and isinstance(message, bytes):
        payload.decode()
    encoded = frame(Opcode.BINARY if binary else Opcode.TEXT, payload)
    sent = 0
    for handler in handlers:
        connection = handler.ws_connection
        if type(connection) is WebSocketConnection:
            sent += connection.send_frame(encoded)
        elif connection is not None:  # an ASGI server makes the frames
            sent += cast(Any, connection).send_message(payload, binary)
    return sent


broadcast.__module__ = "waterspout.websocket"
