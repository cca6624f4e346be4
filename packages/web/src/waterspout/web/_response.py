"""How a handler's response leaves: in one piece where it can, in parts where it was flushed."""

from __future__ import annotations

from asyncio import Future
from typing import TYPE_CHECKING, Any, cast

from waterspout.http1connection import HTTP1ServerConnection
from waterspout.httputil import HTTPHeaders, HTTPOutputError, ResponseStartLine, responses
from waterspout.log import gen_log
from waterspout.web._etag import content_etag, content_hash, matches_weakly
from waterspout.web._handleretag import makes_plain_etag

if TYPE_CHECKING:
    from waterspout.web._handlerresponse import HandlerResponse

__all__ = ["flush_response", "has_no_content", "send_whole_response"]

#: The two content types that handlers have without saying so.
_HTML_LINE = "\r\nContent-Type: text/html; charset=UTF-8\r\n"
_JSON_LINE = "\r\nContent-Type: application/json; charset=UTF-8\r\n"
#: Fields about content that is not sent with a 304 (RFC 9110, 15.4.5), and with a status that has none.
_REPRESENTATION = ("Content-Encoding", "Content-Language", "Content-Type")


def send_whole_response(handler: HandlerResponse, own_flush: bool) -> None:
    """Send what is left of the response and end it, through ``flush`` where the class has its own (*own_flush*).

    Raises `HTTPOutputError` where the handler has promised another length than it wrote.
    """
    request, application = handler.request, handler.application
    connection: Any = request.connection
    if handler._headers_written:
        if own_flush:
            handler.flush(include_footers=True)
        else:
            flush_response(handler, True)
        connection.finish()
        return
    buffer = handler._write_buffer
    body = buffer[0] if len(buffer) == 1 else b"".join(buffer)
    if (
        handler._header_map is None
        and handler._status_code == 200
        and request.method == "GET"
        and request.if_none_match is None
        and not (handler._new_cookie or handler._transforms or application.transforms)
        and type(connection) is HTTP1ServerConnection
        and not own_flush
        and makes_plain_etag(type(handler))
    ):  # what most responses are, and nothing that the rest would do otherwise: put together at once
        fields = application._default_fields(request)
        if handler._writes_json:
            fields = fields.replace(_HTML_LINE, _JSON_LINE, 1)
        handler._headers_written = True
        fields = f'{fields}Etag: "{content_hash(body)}"\r\nContent-Length: {len(body)}\r\n'
        connection.respond(200, handler._own_reason, fields, body)
        return
    extra = _etag_line(handler, body)
    status = handler._status_code
    if status == 304 or status == 204 or status < 200:
        body = _drop_content(handler, body)
    elif status == 205:  # without content, too, but that has to be said (RFC 9110, 15.3.6)
        body = _drop_content(handler, body)
        extra += "Content-Length: 0\r\n"
    elif (headers := handler._header_map) is None or "Content-Length" not in headers:
        extra += f"Content-Length: {len(body)}\r\n"
    elif headers["Content-Length"] != str(len(body)) and request.method != "HEAD":
        handler._headers_written = True  # nothing else can be answered: the connection is closed
        raise _wrong_length(headers["Content-Length"], len(body))
    if (
        handler._transforms
        or application.transforms
        or own_flush
        or status == 426  # what the connection says of itself depends on it (RFC 9110, 7.8)
        or not (type(connection) is HTTP1ServerConnection or hasattr(connection, "respond"))
    ):
        handler._write_buffer = [body] if body else []
        for line in extra.splitlines():
            name, _, value = line.partition(": ")
            handler.set_header(name, value)
        if own_flush:
            handler.flush(include_footers=True)
        else:
            flush_response(handler, True)
        connection.finish()
        return
    headers = handler._header_map
    if headers is None:
        fields = application._default_fields(request)
        if handler._writes_json:
            fields = fields.replace(_HTML_LINE, _JSON_LINE, 1)
    else:
        fields = _field_lines(headers, connection)
    if handler._new_cookie:
        fields += "".join([f"Set-Cookie: {cookie}\r\n" for cookie in handler._new_cookie.values()])
    handler._headers_written = True
    connection.respond(status, handler._own_reason, fields + extra, body)


def has_no_content(status: int) -> bool:
    """Whether a response of *status* never has content (RFC 9110, 6.4.1)."""
    return status == 304 or status == 204 or status < 200


def _etag_line(handler: HandlerResponse, body: bytes) -> str:
    """The Etag field where the response gets one here; makes the status 304 where the client has that content.

    The handler's own methods are called where a subclass has replaced any of the three.
    """
    request = handler.request
    if handler._status_code != 200 or request.method not in ("GET", "HEAD"):
        return ""
    headers = handler._header_map
    if makes_plain_etag(type(handler)) and (headers is None or "Etag" not in headers):
        etag = content_etag(body)
        wanted = request.if_none_match
        if wanted is not None and matches_weakly(wanted.decode("latin-1"), etag):
            handler._status_code = 304
        return f"Etag: {etag}\r\n"
    if headers is None or "Etag" not in headers:  # one that the application has set stays
        handler.set_etag_header()
    if handler._asks_conditions and handler.check_etag_header():
        handler._status_code = 304
    return ""


def _drop_content(handler: HandlerResponse, body: bytes) -> bytes:
    status = handler._status_code
    if body and status != 304:
        gen_log.warning("%s: the body is not sent: status %d has none", handler._request_summary(), status)
    headers = handler._headers
    for name in _REPRESENTATION:
        headers.pop(name, None)
    if status != 304:  # there it may tell the length of what the client has (RFC 9110, 8.6)
        headers.pop("Content-Length", None)
    return b""


def _wrong_length(promised: str, written: int) -> HTTPOutputError:
    missing = int(promised) - written if promised.isdecimal() and promised.isascii() else 0
    if missing > 0:
        return HTTPOutputError(f"Tried to write {missing} bytes less than Content-Length")
    return HTTPOutputError("Tried to write more data than Content-Length")


def _field_lines(headers: HTTPHeaders, connection: Any) -> str:
    """The handler's headers as text; those that manage the connection are taken out and obeyed."""
    if "Connection" in headers:
        if headers.pop("Connection").lower() == "close":
            connection.close_after_response()
    headers.pop("Transfer-Encoding", None)
    return headers.to_text()


def flush_response(handler: HandlerResponse, include_footers: bool) -> Future[None]:
    """Send what is in the write buffer, with the head if it has not left yet.

    Nobody has to wait for the Future: connections see to it that its failure is no news to the loop.
    """
    connection: Any = handler.request.connection
    buffer = handler._write_buffer
    chunk = buffer[0] if len(buffer) == 1 else b"".join(buffer)
    handler._write_buffer = []
    if not handler._headers_written:
        handler._headers_written = True
        transforms = handler._transforms
        if transforms is None:
            transforms = handler._transforms = handler.application._make_transforms(handler.request)
        headers = handler._headers
        for transform in transforms:
            status, headers, chunk = transform.transform_first_chunk(
                handler._status_code, headers, chunk, include_footers
            )
            handler._status_code = status
        handler._headers = headers
        if handler.request.method == "HEAD":
            chunk = b""
        for cookie in (handler._new_cookie or {}).values():
            headers.add("Set-Cookie", cookie)
        reason = handler._own_reason or responses.get(handler._status_code, "Unknown")
        line = ResponseStartLine("", handler._status_code, reason)
        return cast("Future[None]", connection.write_headers(line, headers, chunk))
    if handler._transforms:
        for transform in handler._transforms:
            chunk = transform.transform_chunk(chunk, include_footers)
    if chunk and handler.request.method != "HEAD":
        return connection.write(chunk)  # type: ignore[no-any-return]
    return handler._flushed()
