"""broadcast: one message to many clients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from waterspout.escape import json_encode, utf8
from waterspout.websocket._handler import WebSocketHandler
from waterspout.ws import Opcode, SharedMessage
from waterspout.wsconnection import WebSocketConnection, first_burst

__all__ = ["broadcast"]


def broadcast(handlers: Iterable[WebSocketHandler], message: str | bytes | dict[str, Any], binary: bool = False) -> int:
    """Send *message*, text or bytes if *binary* (a dictionary as JSON), to all *handlers*; to how many it was sent.

    It is encoded and framed once. It is compressed, once, for those connections whose compression options say
    ``server_no_context_takeover``, and not compressed for others. Handlers whose connection is closed, or closing, are
    left out. The first broadcast of a turn is sent within this call, further ones together at the turn's end.

    Nobody waits for slow clients: for them, ``overflow`` should say `Overflow.DROP` or `Overflow.CLOSE`, with which
    memory is bounded by ``high_water``; with `Overflow.WAIT` what is not read yet is kept. Raises UnicodeDecodeError
    for bytes that are no text unless *binary*.
    """
    payload = utf8(json_encode(message) if isinstance(message, dict) else message)
    if not binary and isinstance(message, bytes):
        payload.decode()
    shared = SharedMessage(Opcode.BINARY if binary else Opcode.TEXT, payload)
    now: bool | None = None
    sent = 0
    for handler in handlers:
        connection = handler.ws_connection
        if type(connection) is WebSocketConnection:
            if now is None:
                now = first_burst(connection.stream.io_loop)
            sent += connection.send_shared(shared, now)
        elif connection is not None:  # an ASGI server makes the frames
            sent += cast(Any, connection).send_message(payload, binary)
    return sent


broadcast.__module__ = "waterspout.websocket"
