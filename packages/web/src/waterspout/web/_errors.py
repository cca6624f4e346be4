"""Exceptions that a handler raises to answer.

Exception
 +-- HTTPError              answer with a status; logged with its message
 |    +-- MissingArgumentError   400, an argument was not given
 +-- Finish                 the response stands as it is; nothing is logged
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from waterspout.httputil import responses

__all__ = ["Finish", "HTTPError", "MissingArgumentError"]


class HTTPError(Exception):
    """Ends the request with *status_code* and an error page.

    *log_message* is for the log alone, never for the client; it may have ``%``-placeholders for *args*. The keyword
    ``reason`` replaces the status line's phrase, ``headers`` is a mapping of fields that the answer has besides.
    """

    __module__ = "waterspout.web"

    #: What a `Problem` tells the client.
    document: dict[str, Any] | None = None

    def __init__(self, status_code: int = 500, log_message: str | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.status_code = status_code
        self._log_message = log_message
        self.args = args
        self.reason: str | None = kwargs.get("reason")
        self.headers: Mapping[str, str] = kwargs.get("headers") or {}

    @property
    def log_message(self) -> str | None:
        """The message without its arguments; a per cent sign is doubled where there are none to fill it."""
        message = self._log_message
        return message.replace("%", "%%") if message and not self.args else message

    def get_message(self) -> str | None:
        """The message with its arguments in place."""
        return self._log_message % self.args if self._log_message and self.args else self._log_message

    def __str__(self) -> str:
        text = f"HTTP {self.status_code}: {self.reason or responses.get(self.status_code, 'Unknown')}"
        message = self.get_message()
        return f"{text} ({message})" if message else text


class MissingArgumentError(HTTPError):
    """An argument that a handler asked for was not given: 400. Its name is `arg_name`."""

    __module__ = "waterspout.web"

    def __init__(self, arg_name: str) -> None:
        super().__init__(400, f"Missing argument {arg_name}")
        self.arg_name = arg_name


class Finish(Exception):
    """Ends the request without an error: what was written stands. Arguments are given to `RequestHandler.finish`."""

    __module__ = "waterspout.web"
