"""Whose fault was it?

    Exception
     +-- HTTPInputError          what arrived is wrong: the peer's fault
     |    +-- InvalidFieldError  a header field that the grammar does not allow (also a ValueError)
     +-- HTTPOutputError         what was to be sent is wrong: the caller's fault

Both carry the status that a server answers with; a client reports them to its caller.
"""

from __future__ import annotations

from waterspout.httputil._status import reason_phrase

__all__ = ["HTTPInputError", "HTTPOutputError", "InvalidFieldError"]


class HTTPInputError(Exception):
    """The peer sent something that breaks the protocol or passes a limit.

    `status` is the status code a server answers with (400 unless said otherwise), `reason` its phrase.
    Whoever reads the connection catches this, answers (server) or reports (client), and closes: what follows on
    the connection cannot be trusted to be a message (RFC 9112, 9.6).
    """

    __module__ = "waterspout.httputil"

    reason: str

    def __init__(self, message: str = "", status: int = 400, reason: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason_phrase(status) if reason is None else reason


class InvalidFieldError(HTTPInputError, ValueError):
    """A field name that is no token, or a field value with control characters (RFC 9110, 5.1 and 5.5)."""

    __module__ = "waterspout.httputil"


class HTTPOutputError(Exception):
    """The application asked for something that cannot be sent as valid HTTP.

    `status` is what a server answers with if nothing of the response has left yet (500 unless said otherwise).
    """

    __module__ = "waterspout.httputil"

    reason: str

    def __init__(self, message: str = "", status: int = 500, reason: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason_phrase(status) if reason is None else reason
