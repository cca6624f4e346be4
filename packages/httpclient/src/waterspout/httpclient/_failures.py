"""The errors of an exchange whose connection or response went wrong, in words that say which and when."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from waterspout.httpclient._errors import (
    ConnectionResetByServer,
    ContentDecodingError,
    FetchError,
    HeadTooLargeError,
    HTTPStreamClosedError,
    HTTPTimeoutError,
    Phase,
    ProtocolError,
    ResponseTooLargeError,
)

if TYPE_CHECKING:
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httputil import HTTPInputError

__all__ = ["callback_error", "closed_error", "in_tornados_terms", "protocol_error", "switching_error", "timeout_error"]


def closed_error(exchange: Exchange, cause: BaseException | None) -> FetchError:
    """The connection closed before the response was complete; *cause* is the stream's error, if it had one."""
    kind = ConnectionResetByServer if isinstance(cause, ConnectionResetError) else HTTPStreamClosedError
    phase = exchange.phase
    message = f"Connection closed: {exchange.name()} was {phase.value}"
    if cause is not None:
        message += f" ({cause})"
    return _caused(kind(message, url=exchange.shown_url(), phase=phase), cause)


def protocol_error(exchange: Exchange, cause: HTTPInputError, what: str) -> FetchError:
    """The reader refused the response."""
    text = str(cause)
    kind: type[FetchError] = ProtocolError
    if text.startswith("response head exceeds"):
        kind = HeadTooLargeError
    elif cause.status in (413, 431) or "exceed" in text:
        kind = ResponseTooLargeError
    phase = Phase.BODY if exchange.incoming is not None else Phase.HEAD
    return _caused(kind(f"{exchange.name()} {what}: {text}", url=exchange.shown_url(), phase=phase), cause)


def timeout_error(exchange: Exchange, lasted: float) -> FetchError:
    """A time limit passed, *lasted* seconds after the fetch began."""
    phase = exchange.phase
    if phase is Phase.QUEUE:
        what = "Timeout in request queue"
    elif phase is Phase.CONNECT:
        what = "Timeout while connecting"
    else:
        what = "Timeout during request"
    return HTTPTimeoutError(
        f"{what}: {exchange.name()} was {phase.value} after {lasted:.3g} s", url=exchange.shown_url(), phase=phase
    )


def switching_error(exchange: Exchange) -> FetchError:
    """The server answered 101."""
    return ProtocolError(
        f"{exchange.name()} was answered by 101: the server changes to a protocol that was not asked for",
        url=exchange.shown_url(),
        phase=Phase.HEAD,
    )


def callback_error(exchange: Exchange, error: BaseException) -> BaseException:
    """What the fetch raises after a callback raised *error*: the same; in Tornado's terms, a closed connection."""
    if exchange.client.is_compat:
        from waterspout.log import app_log

        app_log.error("Uncaught exception", exc_info=error)
    elif isinstance(error, Exception):
        return error
    return _caused(
        HTTPStreamClosedError(
            f"Connection closed: a callback of {exchange.name()} was cancelled or failed", url=exchange.shown_url()
        ),
        error,
    )


#: What Tornado calls the errors that it logs, by the beginning of what they are called here.
_TORNADOS_WORDS = (
    (
        "Content-Length fields that differ|Content-Length .* is not one number",
        "Multiple unequal Content-Lengths",
    ),
    ("folded header line", "header line cannot start with whitespace, folding not supported"),
    ("more than [0-9]+ interim responses", "Too many 1xx responses"),
    ("both Content-Length and Transfer-Encoding", "Message with both Transfer-Encoding and Content-Length"),
    ("a 204 response that announces content", "Response with code 204 should not have body"),
    ("content exceeds the limit", "Body too long"),
    ("The body of .* is not what its Content-Encoding says: ", "invalid gzip data: "),
    ("The decompressed body of .* exceeds", "decompressed body too large"),
    ("malformed status line|the server does not speak HTTP", "Error parsing response start line"),
)


def in_tornados_terms(error: FetchError) -> None:
    """Log *error* as Tornado does, and shorten its message where Tornado's is relied upon (``compat="tornado"``)."""
    if isinstance(error, HeadTooLargeError):
        from waterspout.log import gen_log

        gen_log.info("Unsatisfiable read, closing connection: %s", error)
    elif isinstance(error, (ProtocolError, ContentDecodingError)):
        cause = (
            error.__cause__ if error.__cause__ is not None and not isinstance(error, ContentDecodingError) else error
        )
        from waterspout.log import gen_log

        gen_log.info("Malformed HTTP message from None: %s", _tornados_words(str(cause)))
    elif isinstance(error, HTTPTimeoutError) and error.message is not None:
        error.message = error.message.partition(": ")[0]


def _tornados_words(text: str) -> str:
    for pattern, words in _TORNADOS_WORDS:
        found = re.match(pattern, text)
        if found is not None:
            return words + text[found.end() :]
    return text


def _caused(error: FetchError, cause: BaseException | None) -> FetchError:
    error.__cause__ = cause
    return error
