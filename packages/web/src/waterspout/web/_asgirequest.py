"""An ASGI scope as a request (ASGI 3.0, HTTP specification 2.5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from waterspout.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest, parse_host

if TYPE_CHECKING:
    from waterspout.httputil import HTTPConnection

__all__ = ["ASGIContext", "may_have_body", "request_of"]

Scope = dict[str, Any]


class ASGIContext:
    """Who is at the other end, as the ASGI server says: kept as ``request.connection.context``."""

    __slots__ = ("address", "address_family", "protocol", "remote_ip", "scope")

    def __init__(self, scope: Scope) -> None:
        client = scope.get("client")
        self.address = tuple(client) if client else None
        self.address_family = None
        self.remote_ip: str = client[0] if client else "0.0.0.0"
        scheme: str = scope.get("scheme", "http")
        self.protocol = {"ws": "http", "wss": "https"}.get(scheme, scheme)
        #: The whole scope, for what the request has no attribute for: ``state``, ``extensions``.
        self.scope = scope

    def __str__(self) -> str:
        return self.remote_ip


def request_of(scope: Scope, connection: HTTPConnection) -> HTTPServerRequest:
    """The request that *scope* describes, without its body, to be answered on *connection*.

    ``uri`` is what the client asked for; ``path``, which routes are matched with, has no ``root_path`` in front.
    Raises `HTTPInputError` for what servers of ours would refuse: a missing or malformed Host, fields with control
    characters, a length that is no number.
    """
    path = _raw_path(scope)
    query = scope.get("query_string", b"").decode("latin-1")
    version = "HTTP/" + scope.get("http_version", "1.1")
    headers = HTTPHeaders.from_pairs(_fields(scope["headers"]))
    host = headers.get("Host")
    if host is None and version != "HTTP/1.0":
        raise HTTPInputError("the request has no Host")
    if host is not None:
        parse_host(host)
    elif scope.get("server"):
        host = str(scope["server"][0])
    method = scope.get("method", "GET")
    request = HTTPServerRequest(
        method, f"{path}?{query}" if query else path, version, headers, host=host, connection=connection
    )
    request.server_connection = connection
    request.path = _below_root(path, scope.get("root_path", ""))
    request.content_length = _length(headers)
    request.complete = False
    return request


def may_have_body(request: HTTPServerRequest) -> bool:
    """Whether a body may come: in HTTP/1 a field says so, later versions have no need to."""
    return (
        request.content_length is not None
        or "Transfer-Encoding" in request.headers
        or not request.version.startswith("HTTP/1.")
    )


def _raw_path(scope: Scope) -> str:
    raw = scope.get("raw_path")
    if raw is None:
        return quote(scope["path"], safe="/!$&'()*+,;=:@~")
    try:
        path: str = raw.partition(b"?")[0].decode("ascii")
    except UnicodeDecodeError:
        raise HTTPInputError("the target holds bytes that are not ASCII") from None
    return path


def _below_root(path: str, root: str) -> str:
    root = quote(root.rstrip("/"), safe="/!$&'()*+,;=:@~%")
    if root and (path == root or path.startswith(root + "/")):
        return path[len(root) :] or "/"
    return path


def _fields(pairs: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[str, str]]:
    """The fields as text; several Cookie fields, which HTTP/2 allows, are one (RFC 9113, 8.2.3)."""
    cookies = []
    for name, value in pairs:
        if name == b"cookie":
            cookies.append(value.decode("latin-1"))
        else:
            yield name.decode("latin-1"), value.decode("latin-1")
    if cookies:
        yield "Cookie", "; ".join(cookies)


def _length(headers: HTTPHeaders) -> int | None:
    value = headers.get("Content-Length")
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()):
        raise HTTPInputError(f"Content-Length {value[:40]!r} is not a number")
    return int(value)
