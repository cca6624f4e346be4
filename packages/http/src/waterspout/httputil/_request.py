"""A request as the server sees it: what the head scan noted, and the rest built when asked for.

The codec creates one `HTTPServerRequest` per request and fills only the slots; headers, arguments, cookies and
files are `lazy`, because most requests never need them all.
"""

from __future__ import annotations

import re
import time
from http.cookies import CookieError, SimpleCookie
from os import urandom
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes

from waterspout.httputil._cookies import parse_cookie
from waterspout.httputil._fields import field_pairs
from waterspout.httputil._file import HTTPFile
from waterspout.httputil._headers import HTTPHeaders
from waterspout.httputil._identity import ClientIdentity
from waterspout.httputil._lazy import lazy
from waterspout.httputil._limits import ParseBodyConfig, default_parse_body_config
from waterspout.httputil._multipart import parse_body_arguments
from waterspout.httputil._startlines import RequestStartLine
from waterspout.httputil._url import split_host_and_port
from waterspout.httputil._urlencoded import parse_urlencoded
from waterspout.util import is_tornado_compat

if TYPE_CHECKING:
    from waterspout.httputil._delegates import HTTPConnection

__all__ = ["HTTPServerRequest", "RequestHead"]

Arguments = dict[str, list[bytes]]

_is_request_id = re.compile(r"[A-Za-z0-9\-._~+/=:@]{1,128}").fullmatch


class RequestHead:
    """What the scan of a request head notes because the server itself must know it (RFC 9112, 2.1-3.2).

    `field_block` holds the field lines as received, each with its CRLF. `content_length` is None where the
    field is absent; `chunked` excludes it. `keep_alive` is the verdict of version and Connection together.
    `if_none_match`, `content_type` and `upgrade` are raw field values. `complete` says that `body` is whole.
    """

    __slots__ = (
        "__dict__",
        "body",
        "complete",
        "content_length",
        "content_type",
        "field_block",
        "host",
        "if_none_match",
        "keep_alive",
        "method",
        "path",
        "query",
        "uri",
        "version",
    )

    method: str
    uri: str
    path: str
    query: str
    version: str
    host: str
    field_block: bytes
    content_length: int | None
    content_type: bytes | None
    keep_alive: bool
    if_none_match: bytes | None
    body: bytes
    complete: bool
    # What few requests have is no slot, so that it need not be filled for each.
    chunked: bool = False
    expect_continue: bool = False
    upgrade: bytes | None = None


class HTTPServerRequest(RequestHead):
    """A single HTTP request, with Tornado's attributes.

    `arguments` merges query and body arguments as lists of bytes by name; `query_arguments` and
    `body_arguments` keep them apart; `files` maps field names to lists of `HTTPFile`. They are parsed on first
    use and raise `HTTPInputError` (400) there when malformed or over their limits. `body` is bytes, empty while
    a streamed body is still on its way. `connection` is the `HTTPConnection` to answer on.
    """

    __module__ = "waterspout.httputil"
    __slots__ = ("__weakref__", "_start_time", "connection", "route")

    method: str
    uri: str
    path: str
    query: str
    host: str
    body: bytes
    content_length: int | None
    keep_alive: bool
    content_type: bytes | None
    upgrade: bytes | None
    if_none_match: bytes | None

    connection: HTTPConnection
    #: What the router found, kept for the layers above; None until a router has looked.
    route: Any
    _start_time: float
    # What few requests have is no slot, so that it need not be filled for each.
    parse_config: ParseBodyConfig | None = None
    _finish_time: float | None = None
    _remote_ip: str | None = None
    _protocol: str | None = None

    def __init__(
        self,
        method: str | None = None,
        uri: str | None = None,
        version: str = "HTTP/1.0",
        headers: HTTPHeaders | None = None,
        body: bytes | None = None,
        host: str | None = None,
        files: dict[str, list[HTTPFile]] | None = None,
        connection: HTTPConnection | None = None,
        start_line: RequestStartLine | None = None,
        server_connection: object | None = None,
    ) -> None:
        """For requests made by hand (tests, adapters); the codec fills the slots of its own.

        In Tornado's manner (`compat`) its body has no arguments until `parse_body`: programs that make requests also
        parse the body themselves, into `body_arguments`, and would have each argument twice.

        Raises `HTTPInputError` for a Host that names no host.
        """
        if start_line is not None:
            method, uri, version = start_line
        self.method = cast(str, method)
        self.uri = cast(str, uri)
        self.version = version
        self.path, _, self.query = (uri or "").partition("?")
        self.__dict__["headers"] = headers = HTTPHeaders() if headers is None else headers
        self.field_block = b""
        self.host = host or headers.get("Host") or "127.0.0.1"
        self.body = body or b""
        self.complete = True
        self.content_length = None
        self.keep_alive = version == "HTTP/1.1"
        self.content_type = _latin1(headers.get("Content-Type"))
        self.upgrade = _latin1(headers.get("Upgrade"))
        self.if_none_match = _latin1(headers.get("If-None-Match"))
        if files is not None:
            self.__dict__["files"] = files
        if is_tornado_compat():
            self.__dict__["body_arguments"] = {}
            self.__dict__.setdefault("files", {})
        self.connection = cast("HTTPConnection", connection)
        self.server_connection = server_connection
        context = getattr(connection, "context", None)
        self._remote_ip = getattr(context, "remote_ip", None)
        self._protocol = getattr(context, "protocol", "http")
        self.route = None
        self._start_time = time.time()
        self.host_name = split_host_and_port(self.host.lower())[0]

    @lazy
    def server_connection(self) -> object | None:
        """The connection that the request came on: `connection`, unless something stands between them."""
        return getattr(self, "connection", None)  # a codec without a connection makes requests, too

    @lazy
    def headers(self) -> HTTPHeaders:
        """The request's fields as `HTTPHeaders`; those of a received head were validated by the codec."""
        return HTTPHeaders.from_pairs(field_pairs(self.field_block), trusted=True)

    @lazy
    def host_name(self) -> str:
        """The host of the request, lower case, without its port."""
        return split_host_and_port(self.host.lower())[0]

    @property
    def remote_ip(self) -> str | None:
        """The client's address as text; behind a trusted proxy the one that it names."""
        if self._remote_ip is None:
            return getattr(getattr(self.connection, "context", None), "remote_ip", None)
        return self._remote_ip or None

    @remote_ip.setter
    def remote_ip(self, value: str | None) -> None:
        self._remote_ip = value or ""  # assigned, even if it is None

    @property
    def protocol(self) -> str:
        """``"http"`` or ``"https"``; behind a trusted proxy the scheme that it names."""
        if self._protocol is None:
            return getattr(getattr(self.connection, "context", None), "protocol", None) or "http"
        return self._protocol

    @protocol.setter
    def protocol(self, value: str) -> None:
        self._protocol = value

    @lazy
    def query_arguments(self) -> Arguments:
        """Arguments of the query: name to list of values, percent-decoded bytes."""
        if not self.query:
            return {}
        return parse_urlencoded(self.query.encode("latin-1"), config=self._body_config().urlencoded)

    @lazy
    def arguments(self) -> Arguments:
        """Query and body arguments together, those of the query first."""
        merged = {name: list(values) for name, values in self.query_arguments.items()}
        for name, values in self.body_arguments.items():
            merged.setdefault(name, []).extend(values)
        return merged

    @lazy
    def body_arguments(self) -> Arguments:
        """Arguments of a form body, by its Content-Type; empty for any other body."""
        return self._form()[0]

    @lazy
    def files(self) -> dict[str, list[HTTPFile]]:
        """Uploaded files of a ``multipart/form-data`` body by field name."""
        return self._form()[1]

    def _form(self, *, whole: bool = False) -> tuple[Arguments, dict[str, list[HTTPFile]]]:
        """*whole* says that an empty body is all there is of it, and not still on its way, or gone another one."""
        arguments: Arguments = {}
        files: dict[str, list[HTTPFile]] = {}
        if self.content_type is not None and (self.body or (whole and self._announces_body())):
            parse_body_arguments(
                self.content_type.decode("latin-1"),
                self.body,
                arguments,
                files,
                self.headers,
                config=self._body_config(),
            )
        self.__dict__.setdefault("body_arguments", arguments)
        self.__dict__.setdefault("files", files)
        return arguments, files

    def _announces_body(self) -> bool:
        """Whether a body was to come (RFC 9112, 6): if it is empty, then as what Content-Type says."""
        return self.content_length is not None or "Transfer-Encoding" in self.headers

    def parse_body(self) -> None:
        """Parse a form body now, so that a malformed one is refused before any handler sees it.

        A request without Content-Length and Transfer-Encoding has no body, and so no form. Raises `HTTPInputError`.
        """
        known = self.__dict__
        if known.get("body_arguments", True):
            self._form(whole=True)
            return
        # Somebody asked before the body was there, or the request was made by hand.
        del known["body_arguments"]
        if not known.get("files", True):
            del known["files"]
        added, _ = self._form(whole=True)
        if "arguments" in known:
            for name, values in added.items():
                known["arguments"].setdefault(name, []).extend(values)

    def _parse_body(self) -> None:
        """`parse_body` by the name that programs written for Tornado use."""
        self.parse_body()

    def _body_config(self) -> ParseBodyConfig:
        return default_parse_body_config() if self.parse_config is None else self.parse_config

    @lazy
    def cookies(self) -> SimpleCookie:
        """The request's cookies as a dictionary of ``http.cookies.Morsel``; ones that do not fit are left out."""
        jar = SimpleCookie()
        header = self.headers.get("Cookie")
        if header is not None:
            for name, value in parse_cookie(header).items():
                try:
                    jar[name] = value
                except CookieError:  # a name that the class refuses is not a cookie of ours
                    continue
        return jar

    @lazy
    def prefix(self) -> str:
        """The path (``/app``, or empty) below which a trusted proxy has published this server; not part of `path`."""
        return ""

    @lazy
    def request_id(self) -> str:
        """A name for this request in logs and traces: the field X-Request-Id if it is safe to be repeated (letters,
        digits and ``-._~+/=:@``, at most 128), else 32 random hexadecimal digits."""
        given = self.headers.get("X-Request-Id")
        return given if given is not None and _is_request_id(given) else urandom(16).hex()

    def json(self) -> Any:
        """The value of a JSON body. Raises `HTTPInputError`: 415 for other content types, 400 if it is malformed."""
        from waterspout.httputil._jsonbody import parse_json  # only where JSON is read

        return parse_json(self.body, self.headers.get("Content-Type"))

    def full_url(self) -> str:
        """The URL that was asked for: scheme, host and target as received."""
        if "://" in self.uri.partition("?")[0]:
            return self.uri
        return f"{self.protocol}://{self.host}{self.prefix}{self.uri}"

    def request_time(self) -> float:
        """Seconds from the head's arrival until the response was finished, or until now."""
        end = time.time() if self._finish_time is None else self._finish_time
        return end - self._start_time

    def get_ssl_certificate(self, binary_form: bool = False) -> dict[str, Any] | bytes | None:
        """The client's TLS certificate as `ssl.SSLSocket.getpeercert` gives it, or None where there is none."""
        stream = getattr(self.connection, "stream", None)
        getpeercert = getattr(getattr(stream, "socket", None), "getpeercert", None)
        if getpeercert is None:
            return None
        try:
            return cast("dict[str, Any] | bytes | None", getpeercert(binary_form=binary_form))
        except (ValueError, OSError):  # the handshake has not ended, or the connection has: no certificate to show
            return None

    @property
    def client_identity(self) -> ClientIdentity | None:
        """Who the client is by its certificate; None without TLS, or where the server asked for none or got none.

        Only of a certificate that was verified: the server's ``ssl_options`` have ``cert_reqs`` (ssl.CERT_REQUIRED or
        CERT_OPTIONAL) and ``ca_certs``. Worked out at each look.
        """
        certificate, der = self.get_ssl_certificate(), self.get_ssl_certificate(binary_form=True)
        if not isinstance(certificate, dict) or not certificate or not isinstance(der, bytes):
            return None
        return ClientIdentity.of(certificate, der)

    def unquoted_path(self) -> bytes:
        """The path, percent-decoded once."""
        return unquote_to_bytes(self.path)

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{n}={getattr(self, n)!r}" for n in ("protocol", "host", "method", "uri", "version", "remote_ip")
        )
        return f"{type(self).__name__}({shown})"


def _latin1(value: str | None) -> bytes | None:
    return None if value is None else value.encode("latin-1", "replace")
