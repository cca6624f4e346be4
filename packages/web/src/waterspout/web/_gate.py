"""What is answered before any route is looked at: foreign hosts, plain HTTP, preflights.

An application has a gate only where one of these settings is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from waterspout.log import gen_log
from waterspout.web._handler import RequestHandler
from waterspout.web._handlers import ErrorHandler

if TYPE_CHECKING:
    from waterspout.httputil import HTTPServerRequest
    from waterspout.web._cors import CORSPolicy
    from waterspout.web._hosts import AllowedHosts

__all__ = ["Gate", "make_gate"]

#: Who answers in place of the route: a handler class and its arguments.
Answer = tuple[type[RequestHandler], dict[str, Any]]
Gate = Callable[["HTTPServerRequest"], Answer | None]

#: Certificates are asked for, and renewed, over plain HTTP (RFC 8555, 8.3).
_ACME = "/.well-known/acme-challenge/"


class ToHTTPS(RequestHandler):
    """Sends the client to the same place over TLS. Other methods than GET and HEAD must be repeated as they are."""

    def prepare(self) -> None:
        request = self.request
        host = request.host_name if self._port is None else f"{request.host_name}:{self._port}"
        query = f"?{request.query}" if request.query else ""
        safe = request.method in ("GET", "HEAD")
        self.redirect(f"https://{host}{request.path}{query}", status=301 if safe else 308)

    def initialize(self, port: int | None) -> None:
        self._port = port

    def check_xsrf_cookie(self) -> None:
        """Nothing is changed here."""

    def check_trusted_origin(self, origin: str) -> bool:
        """Nor does it matter where the request comes from."""
        return True


class Preflight(RequestHandler):
    """Answers a browser that asks what other origins' pages may do."""

    def initialize(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def options(self, *args: str, **kwargs: str) -> None:
        self.clear_header("Content-Type")
        for name, value in self._fields:
            self.set_header(name, value)
        self.set_status(204)


def make_gate(hosts: AllowedHosts | None, https: bool | int | None, cors: CORSPolicy | None) -> Gate | None:
    """The gate for the settings ``allowed_hosts``, ``https_redirect`` (a number is the port to go to) and ``cors``."""
    if hosts is None and not https and cors is None:
        return None
    port = None if https is True or https == 443 else https or None

    def gate(request: HTTPServerRequest) -> Answer | None:
        if hosts is not None and request.host not in hosts:
            gen_log.warning("421 for Host %r: it is not in the setting allowed_hosts", request.host[:200])
            return ErrorHandler, {"status_code": 421}
        if https and request.protocol == "http" and not request.path.startswith(_ACME):
            return ToHTTPS, {"port": port}
        if cors is not None and request.method == "OPTIONS":
            fields = cors.preflight_headers(request.headers)
            if fields is not None:
                return Preflight, {"fields": fields}
        return None

    return gate
