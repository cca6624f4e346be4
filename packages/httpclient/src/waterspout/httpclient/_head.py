"""The head of a request: checked once, written as one piece of text, framed by us alone (CS2-CS5)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from waterspout.http1 import Framing, MessageWriter, request_head
from waterspout.httpclient._errors import InvalidRequestError, UnknownMethodError
from waterspout.httpclient._settings import Settings
from waterspout.httpclient._url import URL
from waterspout.httputil import HTTPHeaders, HTTPInputError, HTTPOutputError

#: The methods that need no ``allow_nonstandard_methods``.
STANDARD_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS"})
#: Those of them whose requests have a body.
_WITH_BODY = frozenset({"POST", "PATCH", "PUT"})
#: RFC 9110, 9.2.2: sending one of these twice does what sending it once does.
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})

_is_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z").match
_is_length = re.compile(r"(?:0|[1-9][0-9]{0,17})\Z").match


def check_method(method: str, has_body: bool, settings: Settings) -> None:
    """Refuse a method that is none, and a body that does not fit the method.

    Raises `UnknownMethodError` (a KeyError and a ValueError), `InvalidRequestError` (a ValueError).
    """
    if method not in STANDARD_METHODS:
        if not isinstance(method, str) or _is_token(method) is None:
            raise UnknownMethodError(f"{method!r} is no HTTP method: it must be a token (RFC 9110, 9.1)")
        if not settings.allow_nonstandard_methods:
            raise UnknownMethodError(f"unknown method {method}; allow_nonstandard_methods=True permits it")
        if method == "CONNECT":
            raise UnknownMethodError("CONNECT cannot be fetched; a proxy is given as proxy= or proxy_host=")
    if has_body is not (method in _WITH_BODY) and not settings.allow_nonstandard_methods:
        raise InvalidRequestError(
            f"Body must {'' if has_body else 'not '}be None for method {method}"
            " (unless allow_nonstandard_methods is true)"
        )


def checked_headers(headers: Mapping[str, str] | HTTPHeaders | None) -> HTTPHeaders | None:
    """*headers* as an `HTTPHeaders` of our own; None if there are none. Raises `InvalidRequestError` (CS3)."""
    if not headers:
        return None
    try:
        return HTTPHeaders(headers)
    except (HTTPInputError, ValueError) as error:
        raise InvalidRequestError(str(error)) from error


def default_fields(authority: str, user_agent: str | None, accept_encoding: str | None) -> str:
    """The fields of a request that has none of its own."""
    fields = f"Host: {authority}\r\n"
    if user_agent:
        fields += f"User-Agent: {_checked_value('User-Agent', user_agent)}\r\n"
    if accept_encoding:
        fields += f"Accept-Encoding: {accept_encoding}\r\n"
    return fields


def frame_request(
    method: str,
    url: URL,
    target: str,
    headers: HTTPHeaders | None,
    body: bytes | None,
    settings: Settings,
    has_producer: bool,
    user_agent: str | None,
    accept_encoding: str | None,
    more: str = "",
) -> tuple[bytes, MessageWriter | None, bool]:
    """The head for a request; what frames its body, if a producer makes one; whether the user wants a close after it.

    *headers* are the user's; *has_producer* says that a body producer makes the body; *more* are lines that we add
    (authorization, cookies), complete with CRLF. Raises `InvalidRequestError` where the user's framing fields disagree
    with the body.
    """
    names: set[str] = set()
    lines: list[str] = []
    length: str | None = None
    coding: str | None = None
    closes = False
    if headers is not None:
        for name, value in headers.get_all():
            if name == "Content-Length":
                if length is not None and length != value:
                    raise InvalidRequestError("two Content-Length headers that differ")
                length = value
                continue
            if name == "Transfer-Encoding":
                coding = value if coding is None else f"{coding}, {value}"
                continue
            if name == "Host":
                if "Host" in names:
                    raise InvalidRequestError("more than one Host header")
                lines.insert(0, f"Host: {value}\r\n")
            else:
                lines.append(f"{name}: {value}\r\n")
                if name == "Connection":
                    closes = "close" in value.lower()
            names.add(name)
    if "Host" not in names:
        lines.insert(0, f"Host: {url.authority}\r\n")
    if more:
        lines.append(more)
    if user_agent and "User-Agent" not in names:
        lines.append(f"User-Agent: {_checked_value('User-Agent', user_agent)}\r\n")
    if accept_encoding and "Accept-Encoding" not in names:
        lines.append(f"Accept-Encoding: {accept_encoding}\r\n")
    if settings.expect_100_continue and "Expect" not in names:
        lines.append("Expect: 100-continue\r\n")
    if method == "POST" and "Content-Type" not in names:
        lines.append("Content-Type: application/x-www-form-urlencoded\r\n")
    writer = None
    if has_producer:
        writer = _producer_framing(length, coding)
        lines.append(
            "Transfer-Encoding: chunked\r\n" if writer.framing is Framing.CHUNKED else f"Content-Length: {length}\r\n"
        )
    else:
        if coding is not None:
            raise InvalidRequestError(
                "Transfer-Encoding is the client's to set: give a body_producer for a chunked body"
            )
        size = 0 if body is None else len(body)
        if length is not None and (_is_length(length) is None or int(length) != size):
            raise InvalidRequestError(f"Content-Length {length} is not the body's length, {size}")
        if body is not None or length is not None or method in _WITH_BODY:
            lines.append(f"Content-Length: {size}\r\n")
    try:
        return request_head(method, target, "".join(lines)), writer, closes
    except HTTPOutputError as error:
        raise InvalidRequestError(str(error)) from error


def _producer_framing(length: str | None, coding: str | None) -> MessageWriter:
    if length is not None and coding is not None:
        raise InvalidRequestError("both Content-Length and Transfer-Encoding (RFC 9112, 6.2)")
    if length is not None:
        if _is_length(length) is None:
            raise InvalidRequestError(f"Content-Length {length!r} is no number")
        return MessageWriter(Framing.LENGTH, int(length))
    if coding is not None and coding.lower() != "chunked":
        raise InvalidRequestError(f"Transfer-Encoding {coding!r} is not supported; only chunked is")
    return MessageWriter(Framing.CHUNKED)


def _checked_value(name: str, value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        try:
            HTTPHeaders({name: value})
        except (HTTPInputError, ValueError) as error:
            raise InvalidRequestError(str(error)) from error
    return value
