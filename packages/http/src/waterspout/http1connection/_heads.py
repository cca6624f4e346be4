"""What is put into a head besides the fields that the caller gave, by role."""

from __future__ import annotations

from waterspout.http1 import Framing, MessageWriter, frame_response, request_head, response_head
from waterspout.httputil import HTTPHeaders, HTTPOutputError, RequestStartLine, ResponseStartLine

__all__ = ["make_request_head", "make_response_head"]


def content_length(headers: HTTPHeaders) -> int | None:
    """The caller's own Content-Length as a number; `HTTPOutputError` if it is none."""
    value = headers.get("Content-Length")
    if value is None:
        return None
    if not value.isascii() or not value.isdigit():
        raise HTTPOutputError(f"Content-Length {value!r} is not a number")
    return int(value)


def make_response_head(
    line: ResponseStartLine, headers: HTTPHeaders, method: str, version: str, keep_alive: bool, asked_to_keep: bool
) -> tuple[bytes, MessageWriter, bool]:
    """The head for a response to *method*, the writer of its content, and whether the connection may be kept.

    Fields that frame the message are ours: a Transfer-Encoding given by the caller is refused together with a
    Content-Length and otherwise replaced (RW5).
    """
    length = content_length(headers)
    given = headers.get("Transfer-Encoding")
    if given is not None and length is not None:
        raise HTTPOutputError("a response cannot have both Content-Length and Transfer-Encoding")
    framing = frame_response(method, version, line.code, length)
    if given is not None:
        del headers["Transfer-Encoding"]
    if framing is Framing.CHUNKED:
        headers["Transfer-Encoding"] = "chunked"
    elif framing is Framing.UNTIL_CLOSE:
        keep_alive = False
    if line.code < 200 or line.code == 204:
        headers.pop("Content-Length", None)
    elif line.code == 205:  # without content, too, but that has to be said (RFC 9110, 15.3.6)
        headers["Content-Length"] = "0"
    if line.code < 200:
        pass  # the final response says what becomes of the connection; 101 says what it changes to (RFC 9110, 7.8)
    elif (given := headers.get("Connection")) is not None or line.code == 426:
        upgrades = line.code == 426 and "Upgrade" in headers
        keep_alive = _name_options(headers, given or "", upgrades, keep_alive, version == "HTTP/1.0" and asked_to_keep)
    elif not keep_alive:
        headers["Connection"] = "close"
    elif version == "HTTP/1.0" and asked_to_keep:
        headers["Connection"] = "Keep-Alive"
    head = response_head(line.code, line.reason, headers.to_text())
    return head, MessageWriter(framing, length), keep_alive


def _name_options(headers: HTTPHeaders, given: str, upgrades: bool, keep_alive: bool, promise: bool) -> bool:
    """Set Connection to what the caller has *given* and what is true; returns whether the connection may be kept.

    A 426 names the protocol it wants in Upgrade, and that field's name here (RFC 9110, 7.8 and 15.5.22): without it the
    field is dropped on the way, as meant for another connection. *promise*: to be kept has to be said.
    """
    options = {option.lower(): option for option in map(str.strip, given.split(",")) if option}
    if upgrades:
        options.setdefault("upgrade", "Upgrade")
    if not keep_alive or "close" in options:
        keep_alive = False
        options.pop("keep-alive", None)
        options.setdefault("close", "close")
    elif promise:
        options.setdefault("keep-alive", "Keep-Alive")
    if options:
        headers["Connection"] = ", ".join(options.values())
    else:
        headers.pop("Connection", None)
    return keep_alive


def make_request_head(line: RequestStartLine, headers: HTTPHeaders) -> tuple[bytes, MessageWriter]:
    """The head of a request and the writer of its content."""
    length = content_length(headers)
    if length is not None:
        framing = Framing.LENGTH
    elif line.method in ("POST", "PUT", "PATCH") and "Transfer-Encoding" not in headers:
        framing = Framing.CHUNKED
        headers["Transfer-Encoding"] = "chunked"
    elif (headers.get("Transfer-Encoding") or "").lower() == "chunked":
        framing = Framing.CHUNKED
    else:
        framing = Framing.NONE
    return request_head(line.method, line.path, headers.to_text()), MessageWriter(framing, length)
