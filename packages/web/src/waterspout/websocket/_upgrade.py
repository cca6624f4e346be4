"""The server's side of the opening handshake (RFC 6455, 4.2): what is wrong with a request, and the answer to it."""

from __future__ import annotations

from typing import NamedTuple

from waterspout.httputil import HTTPServerRequest
from waterspout.ws import WEBSOCKET_VERSION, check_key

__all__ = ["Refusal", "is_same_host", "refusal"]


class Refusal(NamedTuple):
    """Why a request is not upgraded, and the status that says so."""

    status: int
    message: str


def refusal(request: HTTPServerRequest) -> Refusal | None:
    """What keeps *request* from being upgraded, apart from where it comes from; None if nothing does."""
    headers = request.headers
    if request.method != "GET":
        return Refusal(405, "WebSockets are opened with GET.")
    if request.version == "HTTP/1.0":
        return Refusal(400, "WebSockets need HTTP/1.1.")
    if headers.get("Upgrade", "").strip().lower() != "websocket":
        return Refusal(400, 'Can "Upgrade" only to "WebSocket".')
    if "upgrade" not in [token.strip().lower() for token in headers.get("Connection", "").split(",")]:
        return Refusal(400, '"Connection" must be "Upgrade".')
    if headers.get("Sec-WebSocket-Version") != WEBSOCKET_VERSION:
        return Refusal(426, f"The only WebSocket version here is {WEBSOCKET_VERSION}.")
    if not check_key(headers.get("Sec-WebSocket-Key")):
        return Refusal(400, "Sec-WebSocket-Key must be sixteen bytes in base64.")
    return None


def is_same_host(origin: str, host: str) -> bool:
    """Whether *origin*, as browsers send it, names the host and port of the header *host*."""
    scheme, separator, authority = origin.lower().partition("://")
    if not scheme or not separator:
        return False
    return authority.split("/", 1)[0] == host.lower()
