"""The errors of an exchange whose connection or response went wrong, in words that say which and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waterspout.httpclient._errors import (
    ConnectionResetByServer,
    FetchError,
    HTTPStreamClosedError,
    Phase,
    ProtocolError,
    ResponseTooLargeError,
)
from waterspout.log import gen_log

if TYPE_CHECKING:
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httputil import HTTPInputError


def closed_error(exchange: Exchange, cause: BaseException | None) -> FetchError:
    """The connection closed before the response was complete; *cause* is the stream's error, if it had one."""
    kind = ConnectionResetByServer if isinstance(cause, ConnectionResetError) else HTTPStreamClosedError
    phase = exchange.phase
    message = f"Connection closed: {exchange.name()} was {phase.value}"
    if cause is not None:
        message += f" ({cause})"
    return caused(kind(message, url=exchange.shown_url(), phase=phase), cause)


def protocol_error(exchange: Exchange, cause: HTTPInputError, what: str) -> FetchError:
    """The reader refused the response."""
    if exchange.client.is_compat:
        gen_log.info("Malformed HTTP message from %s: %s", exchange.shown_url(), cause)
    too_big = cause.status in (413, 431) or "exceeds" in str(cause)
    kind = ResponseTooLargeError if too_big else ProtocolError
    phase = Phase.BODY if exchange.response_head is not None else Phase.HEAD
    return caused(kind(f"{exchange.name()} {what}: {cause}", url=exchange.shown_url(), phase=phase), cause)


def too_large(exchange: Exchange, limit: int) -> FetchError:
    """More of the body than may be held in memory."""
    return ResponseTooLargeError(
        f"The response to {exchange.name()} exceeds the limit of {limit} bytes (max_buffer_size)",
        url=exchange.shown_url(),
        phase=Phase.BODY,
    )


def caused(error: FetchError, cause: BaseException | None) -> FetchError:
    """*error* with its cause kept."""
    error.__cause__ = cause
    return error
