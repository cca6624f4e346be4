"""What a request asks for, as libcurl's options."""

from __future__ import annotations

import re
from collections.abc import Hashable
from inspect import iscoroutinefunction
from io import BytesIO
from typing import TYPE_CHECKING, Any

from waterspout.curl_httpclient._library import pycurl
from waterspout.gen import is_coroutine_function
from waterspout.httpclient import HTTPRequest, InvalidRequestError, UnknownMethodError
from waterspout.httpclient._head import checked_headers
from waterspout.httpclient._url import parse_url
from waterspout.httputil import encode_username_password

if TYPE_CHECKING:
    from waterspout.curl_httpclient._transfer import Transfer
    from waterspout.httpclient._settings import Settings

#: What separates lines of a header: never allowed inside one (CS3).
CR_OR_LF_RE = re.compile(rb"\r|\n")
_METHODS_WITH_BODY = ("POST", "PUT", "PATCH")
_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_AUTH_MODES = {None: "HTTPAUTH_BASIC", "basic": "HTTPAUTH_BASIC", "digest": "HTTPAUTH_DIGEST"}
_TLS_FILES = {"ca_certs": "CAINFO", "client_key": "SSLKEY", "client_cert": "SSLCERT"}

#: The key of a GET with nothing but the client's defaults.
PLAIN: Hashable = "plain"


def configure(transfer: Transfer, is_plain: bool, user_agent: str, compat: str | None) -> None:
    """Set the handle's options for the transfer's request. Raises ValueError, KeyError for what cannot be sent."""
    request, settings, handle = transfer.request, transfer.settings, transfer.handle
    if not request.url.isascii() or CR_OR_LF_RE.search(request.url.encode()) or " " in request.url:
        url = str(parse_url(request.url, compat))
    else:
        url = request.url
    plain = is_plain and request.method == "GET" and request._body is None and not request._headers
    if plain and transfer.key == (PLAIN, id(settings)):
        handle.setopt(pycurl.URL, url)
        return
    transfer.key = None
    handle.reset()
    transfer.callbacks()
    handle.setopt(pycurl.URL, url)
    _set_always(handle, settings, user_agent)
    _set_connection(handle, settings)
    _set_auth(handle, settings)
    _set_method_and_body(transfer, request, settings)
    if settings.prepare_curl_callback is not None:
        settings.prepare_curl_callback(handle)
    if plain:
        transfer.key = (PLAIN, id(settings))


def _set_always(handle: Any, settings: Settings, user_agent: str) -> None:
    handle.setopt(pycurl.NOSIGNAL, 1)
    for option, redirects in (("PROTOCOLS_STR", False), ("REDIR_PROTOCOLS_STR", True)):
        if hasattr(pycurl, option):
            handle.setopt(getattr(pycurl, option), "http,https")
        else:
            number = pycurl.REDIR_PROTOCOLS if redirects else pycurl.PROTOCOLS
            handle.setopt(number, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    handle.setopt(pycurl.CONNECTTIMEOUT_MS, int(1000 * settings.connect_timeout))
    handle.setopt(pycurl.TIMEOUT_MS, int(1000 * settings.request_timeout))
    handle.setopt(pycurl.FOLLOWLOCATION, bool(settings.follow_redirects))
    handle.setopt(pycurl.MAXREDIRS, settings.max_redirects)
    handle.setopt(pycurl.USERAGENT, settings.user_agent or user_agent)
    if settings.decompress_response:
        handle.setopt(pycurl.ENCODING, "gzip,deflate")
    if settings.body_producer is not None:
        raise NotImplementedError("body_producer is not supported by the curl client; use SimpleAsyncHTTPClient")
    callback = settings.streaming_callback
    if callback is not None and (iscoroutinefunction(callback) or is_coroutine_function(callback)):
        raise TypeError("CurlAsyncHTTPClient does not support coroutines as streaming_callback")


def _set_connection(handle: Any, settings: Settings) -> None:
    if settings.network_interface:
        handle.setopt(pycurl.INTERFACE, settings.network_interface)
    if settings.unix_socket:
        handle.setopt(pycurl.UNIX_SOCKET_PATH, settings.unix_socket)
    if settings.allow_ipv6 is False:
        handle.setopt(pycurl.IPRESOLVE, pycurl.IPRESOLVE_V4)
    if settings.proxy is not None:
        handle.setopt(pycurl.PROXY, settings.proxy)
    elif settings.proxy_host and settings.proxy_port:
        handle.setopt(pycurl.PROXY, settings.proxy_host)
        handle.setopt(pycurl.PROXYPORT, settings.proxy_port)
        if settings.proxy_username:
            credentials = encode_username_password(settings.proxy_username, settings.proxy_password or "")
            handle.setopt(pycurl.PROXYUSERPWD, credentials)
        handle.setopt(pycurl.PROXYAUTH, _auth_mode("proxy_auth_mode", settings.proxy_auth_mode))
    else:
        handle.setopt(pycurl.PROXY, "")
    if settings.ssl_options is not None:
        raise ValueError("ssl_options not supported in curl_httpclient")
    if not settings.validate_cert:
        handle.setopt(pycurl.SSL_VERIFYPEER, 0)
        handle.setopt(pycurl.SSL_VERIFYHOST, 0)
    for name, option in _TLS_FILES.items():
        value = getattr(settings, name)
        if value is not None:
            handle.setopt(getattr(pycurl, option), value)


def _set_auth(handle: Any, settings: Settings) -> None:
    if settings.auth is not None:
        raise NotImplementedError(
            "auth= is not supported by the curl client; use auth_username, or SimpleAsyncHTTPClient"
        )
    if settings.auth_username is not None:
        handle.setopt(pycurl.USERPWD, encode_username_password(settings.auth_username, settings.auth_password or ""))
        handle.setopt(pycurl.HTTPAUTH, _auth_mode("auth_mode", settings.auth_mode))


def _auth_mode(name: str, mode: str | None) -> int:
    if mode not in _AUTH_MODES:
        raise ValueError(f'Unsupported {name} {mode}; "basic" and "digest" are known')
    number: int = getattr(pycurl, _AUTH_MODES[mode])
    return number


def _set_method_and_body(transfer: Transfer, request: HTTPRequest, settings: Settings) -> None:
    handle = transfer.handle
    method, body = request.method, request.body
    if method == "GET":
        handle.setopt(pycurl.HTTPGET, 1)
    elif method == "POST":
        handle.setopt(pycurl.POST, 1)
    elif method == "PUT":
        handle.setopt(pycurl.UPLOAD, 1)
    elif method == "HEAD":
        handle.setopt(pycurl.NOBODY, 1)
    elif method in ("DELETE", "OPTIONS", "PATCH") or settings.allow_nonstandard_methods:
        if _token.match(method) is None:
            raise UnknownMethodError(f"{method!r} is no HTTP method: it must be a token (RFC 9110, 9.1)")
        handle.setopt(pycurl.CUSTOMREQUEST, method)
    else:
        raise UnknownMethodError(f"unknown method {method}; allow_nonstandard_methods=True permits it")
    expected = method in _METHODS_WITH_BODY
    if (body is not None) is not expected and not settings.allow_nonstandard_methods:
        raise InvalidRequestError(
            f"Body must {'not ' if expected else ''}be None for method {method}"
            " (unless allow_nonstandard_methods is true)"
        )
    lines = _header_lines(request, settings.expect_100_continue)
    if expected or body is not None:
        if method == "GET":
            # libcurl turns it into a POST when it is given a body.
            raise InvalidRequestError("Body must be None for GET request")
        data = body or b""
        source = transfer.body_source = BytesIO(data)
        handle.setopt(pycurl.READFUNCTION, source.read)
        handle.setopt(pycurl.SEEKFUNCTION, lambda offset, origin: source.seek(offset, origin) and 0)
        if method == "POST":
            handle.setopt(pycurl.POSTFIELDSIZE_LARGE, len(data))
        else:
            handle.setopt(pycurl.UPLOAD, 1)
            handle.setopt(pycurl.INFILESIZE_LARGE, len(data))
            handle.setopt(pycurl.CUSTOMREQUEST, method)
    handle.setopt(pycurl.HTTPHEADER, lines)


def _header_lines(request: HTTPRequest, expect_continue: bool) -> list[bytes]:
    """The user's header lines, and those that keep libcurl from adding ones that nobody asked for."""
    headers = checked_headers(request._headers)
    lines: list[bytes] = []
    present: set[str] = set()
    if headers is not None:
        for name, value in headers.get_all():
            present.add(name)
            # "Name;" is how libcurl is told to send an empty header; "Name:" would remove it.
            line = f"{name}: {value}" if value else f"{name};"
            lines.append(line.encode("latin-1"))
    if expect_continue and "Expect" not in present:
        present.add("Expect")
        lines.append(b"Expect: 100-continue")
    lines += [f"{name}:".encode("ascii") for name in ("Expect", "Pragma") if name not in present]
    if any(CR_OR_LF_RE.search(line) for line in lines):
        raise InvalidRequestError("a header holds CR or LF")
    return lines
