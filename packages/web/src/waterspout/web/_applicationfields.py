"""What every response of an application has."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from waterspout.httputil import HTTPHeaders, format_timestamp
from waterspout.web._handlerresponse import HTML_TYPE
from waterspout.web._installed import installed_version

if TYPE_CHECKING:
    from waterspout.httputil import HTTPServerRequest
    from waterspout.web._fieldsource import FieldSource

__all__ = ["ApplicationFields", "default_server_name"]


class ApplicationFields:
    """A part of `Application`; see there."""

    _server_name: str
    _more_fields: FieldSource | None  #: what the settings want besides
    # The fields as text, and the second (UNIX time) that they say.
    _head_second = 0.0
    _head_fields = ""
    _date = ""

    def _default_fields(self, request: HTTPServerRequest) -> str:
        """Server, Content-Type and Date as text, made once a second, and what the settings want besides."""
        age = time() - self._head_second
        if age >= 1.0 or age < 0.0:
            second = float(int(time()))
            self._date = format_timestamp(second)
            self._head_fields = f"Server: {self._server_name}\r\nContent-Type: {HTML_TYPE}\r\nDate: {self._date}\r\n"
            self._head_second = second
        if self._more_fields is not None:
            return self._head_fields + self._more_fields.text(request)
        return self._head_fields

    def _default_headers(self, request: HTTPServerRequest) -> HTTPHeaders:
        """The same as headers."""
        self._default_fields(request)
        pairs: tuple[tuple[str, str], ...] = (
            ("Server", self._server_name), ("Content-Type", HTML_TYPE), ("Date", self._date),
        )  # fmt: skip
        if self._more_fields is not None:
            pairs += self._more_fields.pairs(request)
        return HTTPHeaders.from_pairs(pairs, trusted=True)


def default_server_name(tornado: bool) -> str:
    """The Server field where the setting ``server_name`` is not there; *tornado*: as Tornado says it."""
    if tornado:
        return "TornadoServer/6.6.1"
    version = installed_version("waterspout-web")
    return "Waterspout" if version is None else f"Waterspout/{version}"
