"""The scope of a request: what an ASGI application is told first (ASGI 3.0, HTTP specification 2.4)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_to_bytes

from waterspout.httputil import HTTPServerRequest

__all__ = ["http_scope", "websocket_scope"]

_find_fields = re.compile(rb"\r\n([^:\r\n]++):[ \t]*+([^\r\n]*+)").findall


def http_scope(request: HTTPServerRequest, root_path: str, state: dict[str, Any]) -> dict[str, Any]:
    """The scope of *request* for an application mounted at *root_path*; *state* is copied, as lifespan has left it.

    Where a trusted proxy says below which prefix it has published the server, the application is mounted below that,
    and its paths begin with it (as with uvicorn's ``--root-path``): URLs that it makes are then those of the outside.
    """
    outside = request.prefix
    context = getattr(request.connection, "context", None)
    address = getattr(context, "address", None)
    stream = getattr(request.connection, "stream", None)
    try:
        server = stream.socket.getsockname() if stream is not None else None
    except OSError:  # the client has left already
        server = None
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": request.version.removeprefix("HTTP/"),
        "method": request.method,
        "scheme": request.protocol,
        "path": unquote_to_bytes(outside + request.path).decode("utf-8", "replace"),
        "raw_path": (outside + request.path).encode("latin-1"),
        "query_string": request.query.encode("latin-1"),
        "root_path": unquote_to_bytes(outside).decode("utf-8", "replace") + root_path,
        "headers": [(name.lower(), value.rstrip(b" \t")) for name, value in _fields(request)],
        "client": _endpoint(request.remote_ip, address),
        "server": _endpoint(None, server),
        "state": dict(state),
        "extensions": {},
    }


def websocket_scope(
    request: HTTPServerRequest, root_path: str, state: dict[str, Any], subprotocols: list[str]
) -> dict[str, Any]:
    """The scope of a WebSocket that *request* asks for; *subprotocols* are what the client offers."""
    scope = http_scope(request, root_path, state)
    del scope["method"]
    scope["type"] = "websocket"
    scope["scheme"] = "wss" if request.protocol == "https" else "ws"
    scope["subprotocols"] = list(subprotocols)
    scope["extensions"] = {"websocket.http.response": {}}
    return scope


def _fields(request: HTTPServerRequest) -> list[tuple[bytes, bytes]]:
    if request.field_block:
        fields: list[tuple[bytes, bytes]] = _find_fields(request.field_block)
        return fields
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.get_all()]


def _endpoint(host: str | None, address: Any) -> tuple[str, int | None] | None:
    """Host and port, or path and None; *host* is what a trusted proxy has said, if anything."""
    if isinstance(address, tuple) and len(address) >= 2:
        return (host or address[0], address[1])
    if isinstance(address, str) and address:
        return (address, None)
    return None
