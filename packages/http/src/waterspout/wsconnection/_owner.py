"""WebSocketOwner: who is told what happens on a connection."""

from __future__ import annotations

from collections.abc import Awaitable
from types import TracebackType
from typing import Any, Protocol

__all__ = ["WebSocketOwner"]


class WebSocketOwner(Protocol):
    """What a `WebSocketConnection` calls; `WebSocketHandler` and `WebSocketClientConnection` are made this way."""

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """A message has come. The next one is given when what this returns, if not None, is done.

        What it raises is given to `log_exception`, and the connection closes with code 1011.
        """

    def on_ping(self, data: bytes) -> Any:
        """A ping has come; it is answered already, or will be.

        If this returns an awaitable, it is run when what was returned before is done, and messages wait for it.
        """

    def on_pong(self, data: bytes) -> Any:
        """A pong has come; what this returns is treated as that of `on_ping` is."""

    def on_ws_connection_close(self, close_code: int | None = None, close_reason: str | None = None) -> Any:
        """The connection is closed: called exactly once, the last of all calls.

        *close_code* and *close_reason* are those of the peer's Close frame, or of our verdict if it broke the
        protocol; None where there were none.
        """

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> Any:
        """One of the other methods has raised."""


WebSocketOwner.__module__ = "waterspout.wsconnection"
