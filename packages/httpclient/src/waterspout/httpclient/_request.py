"""HTTPRequest: what to fetch, and how."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from waterspout.escape import utf8
from waterspout.httpclient._shown import without_userinfo
from waterspout.httputil import HTTPHeaders

if TYPE_CHECKING:
    import datetime
    import ssl

    from waterspout.http1 import InterimResponse
    from waterspout.httpclient._auth import Auth
    from waterspout.httpclient._content import Fields, FileLike, Part
    from waterspout.httpclient._retry import Retries

    BodyWriter = Callable[[bytes], Awaitable[None]]
    BodyProducer = Callable[[BodyWriter], Awaitable[None] | None]
    StreamingCallback = Callable[[bytes], Awaitable[None] | None]


class HTTPRequest:
    """One request. All attributes may be changed until it is fetched; None means: the client's default.

    Theory of operation: an option that is not given is not stored in the object; reading it finds the None that the
    class holds. A request without options of its own is thereby known by the size of its dictionary, and is spared
    the merging with the client's defaults.
    """

    __module__ = "waterspout.httpclient"

    url: str
    method: str
    start_time: float
    _body: bytes | None

    auth_username: str | None = None
    auth_password: str | None = None
    auth_mode: str | None = None
    connect_timeout: float | None = None
    request_timeout: float | None = None
    follow_redirects: bool | None = None
    max_redirects: int | None = None
    user_agent: str | None = None
    network_interface: str | None = None
    streaming_callback: StreamingCallback | None = None
    header_callback: Callable[[str], None] | None = None
    prepare_curl_callback: Callable[[Any], None] | None = None
    proxy_host: str | None = None
    proxy_port: int | None = None
    proxy_username: str | None = None
    proxy_password: str | None = None
    proxy_auth_mode: str | None = None
    allow_nonstandard_methods: bool | None = None
    validate_cert: bool | None = None
    ca_certs: str | None = None
    allow_ipv6: bool | None = None
    client_key: str | None = None
    client_cert: str | None = None
    body_producer: BodyProducer | None = None
    expect_100_continue: bool = False
    decompress_response: bool | None = None
    ssl_options: dict[str, Any] | ssl.SSLContext | None = None

    auth: Auth | None = None
    retries: Retries | int | None = None
    proxy: str | None = None
    unix_socket: str | None = None
    read_timeout: float | None = None
    write_timeout: float | None = None
    queue_timeout: float | None = None
    minimum_rate: float | None = None
    interim_callback: Callable[[InterimResponse], None] | None = None

    def __init__(
        self,
        url: str,
        method: str = "GET",
        headers: Mapping[str, str] | HTTPHeaders | None = None,
        body: bytes | str | None = None,
        auth_username: str | None = None,
        auth_password: str | None = None,
        auth_mode: str | None = None,
        connect_timeout: float | None = None,
        request_timeout: float | None = None,
        if_modified_since: float | datetime.datetime | None = None,
        follow_redirects: bool | None = None,
        max_redirects: int | None = None,
        user_agent: str | None = None,
        use_gzip: bool | None = None,
        network_interface: str | None = None,
        streaming_callback: StreamingCallback | None = None,
        header_callback: Callable[[str], None] | None = None,
        prepare_curl_callback: Callable[[Any], None] | None = None,
        proxy_host: str | None = None,
        proxy_port: int | None = None,
        proxy_username: str | None = None,
        proxy_password: str | None = None,
        proxy_auth_mode: str | None = None,
        allow_nonstandard_methods: bool | None = None,
        validate_cert: bool | None = None,
        ca_certs: str | None = None,
        allow_ipv6: bool | None = None,
        client_key: str | None = None,
        client_cert: str | None = None,
        body_producer: BodyProducer | None = None,
        expect_100_continue: bool = False,
        decompress_response: bool | None = None,
        ssl_options: dict[str, Any] | ssl.SSLContext | None = None,
        *,
        auth: Auth | None = None,
        retries: Retries | int | None = None,
        proxy: str | None = None,
        unix_socket: str | None = None,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
        queue_timeout: float | None = None,
        minimum_rate: float | None = None,
        interim_callback: Callable[[InterimResponse], None] | None = None,
        json: Any = None,
        form: Fields | None = None,
        files: Mapping[str, Part] | Iterable[tuple[str, Part]] | None = None,
        content: FileLike | AsyncIterable[bytes] | Iterable[bytes] | None = None,
    ) -> None:
        """Only ``url`` is needed. Times are seconds, 0 for no limit.

        * ``method``: case is kept. ``allow_nonstandard_methods`` also allows a body where none is usual, or none
          where one is.
        * ``headers``: a mapping, or `HTTPHeaders` where a name is repeated.
        * ``body``: text is sent as UTF-8. ``body_producer(write)`` makes the body while it is sent: it may be a
          coroutine function, and awaits what ``write(chunk)`` returns for flow control. It is sent chunked
          unless ``headers`` has a Content-Length.
        * Or in place of both: ``json``, any value; ``form``, a mapping or pairs, sent as an HTML form; ``files``, a
          mapping of field names to files (paths, open binary files, bytes, or tuples of name, file and content
          type), sent with ``form`` as multipart; ``content``, one file (a `pathlib.Path` or open binary file) or an
          iterator of bytes, asynchronous or not. Files are read while they are sent.
        * ``auth_username``, ``auth_password``, ``auth_mode`` ("basic", "digest"), or ``auth``: an object from
          this module that says who we are.
        * ``connect_timeout`` (20): until the connection is there, waiting for a slot included;
          ``request_timeout`` (20): until the whole response is there, redirects included;
          ``read_timeout``, ``write_timeout``: between two pieces of progress; ``queue_timeout``: for a slot;
          ``minimum_rate``: bytes a second that a response must make after its first 10 seconds.
        * ``if_modified_since``: seconds since the epoch or a datetime, sent as ``If-Modified-Since``.
        * ``follow_redirects`` (True), ``max_redirects`` (5).
        * ``user_agent``; ``decompress_response`` (True), of which ``use_gzip`` is the old name.
        * ``network_interface``: name or address that the connection is made from; ``allow_ipv6`` (True);
          ``unix_socket``: path of a socket to connect to in place of the URL's host and port.
        * ``streaming_callback(chunk)``: gets the body piece by piece; ``response.body`` is empty then. It may be
          a coroutine function: the next piece is not read until it is done.
        * ``header_callback(line)``: gets each line of the head with its CRLF: the status line, the fields, an
          empty line. ``interim_callback(head)`` gets each 1xx response.
        * ``proxy_host``, ``proxy_port``, ``proxy_username``, ``proxy_password``, ``proxy_auth_mode``; or
          ``proxy``: a URL (``http:``, ``https:``, ``socks5:``, ``socks5h:``), "" for none. A Proxy-Authorization among
          ``headers`` is for a proxy that forwards; it is not sent through a tunnel to the server.
        * ``validate_cert`` (True), ``ca_certs`` (file in PEM form), ``client_key``, ``client_cert`` (file names),
          or ``ssl_options``, an `ssl.SSLContext`, which overrides these four. ``client_cert`` is not shown to another
          origin that a redirect leads to; what an SSLContext holds is.
        * ``expect_100_continue``: the body is held back until the server asks for it, or a second has passed.
        * ``retries``: how often, and when, to try again.
        * ``prepare_curl_callback(curl)``: called with the pycurl object by the curl client only.
        """
        self.url = url
        self.method = method
        self._headers = headers
        self._body = body if body is None or isinstance(body, bytes) else utf8(body)
        self.start_time = time.time()
        if if_modified_since:
            from waterspout.httputil import format_timestamp  # dates cost more to import than everything else here

            self.headers["If-Modified-Since"] = format_timestamp(if_modified_since)
        if decompress_response is None:
            decompress_response = use_gzip
        if auth_username is not None:
            self.auth_username = auth_username
        if auth_password is not None:
            self.auth_password = auth_password
        if auth_mode is not None:
            self.auth_mode = auth_mode
        if connect_timeout is not None:
            self.connect_timeout = connect_timeout
        if request_timeout is not None:
            self.request_timeout = request_timeout
        if follow_redirects is not None:
            self.follow_redirects = follow_redirects
        if max_redirects is not None:
            self.max_redirects = max_redirects
        if user_agent is not None:
            self.user_agent = user_agent
        if network_interface is not None:
            self.network_interface = network_interface
        if streaming_callback is not None:
            self.streaming_callback = streaming_callback
        if header_callback is not None:
            self.header_callback = header_callback
        if prepare_curl_callback is not None:
            self.prepare_curl_callback = prepare_curl_callback
        if proxy_host is not None:
            self.proxy_host = proxy_host
        if proxy_port is not None:
            self.proxy_port = proxy_port
        if proxy_username is not None:
            self.proxy_username = proxy_username
        if proxy_password is not None:
            self.proxy_password = proxy_password
        if proxy_auth_mode is not None:
            self.proxy_auth_mode = proxy_auth_mode
        if allow_nonstandard_methods is not None:
            self.allow_nonstandard_methods = allow_nonstandard_methods
        if validate_cert is not None:
            self.validate_cert = validate_cert
        if ca_certs is not None:
            self.ca_certs = ca_certs
        if allow_ipv6 is not None:
            self.allow_ipv6 = allow_ipv6
        if client_key is not None:
            self.client_key = client_key
        if client_cert is not None:
            self.client_cert = client_cert
        if body_producer is not None:
            self.body_producer = body_producer
        if expect_100_continue:
            self.expect_100_continue = True
        if decompress_response is not None:
            self.decompress_response = decompress_response
        if ssl_options is not None:
            self.ssl_options = ssl_options
        if auth is not None:
            self.auth = auth
        if retries is not None:
            self.retries = retries
        if proxy is not None:
            self.proxy = proxy
        if unix_socket is not None:
            self.unix_socket = unix_socket
        if read_timeout is not None:
            self.read_timeout = read_timeout
        if write_timeout is not None:
            self.write_timeout = write_timeout
        if queue_timeout is not None:
            self.queue_timeout = queue_timeout
        if minimum_rate is not None:
            self.minimum_rate = minimum_rate
        if interim_callback is not None:
            self.interim_callback = interim_callback
        if json is not None or form is not None or files is not None or content is not None:
            self._take_content(json, form, files, content)

    @classmethod
    def _to(cls, url: str) -> HTTPRequest:
        """``HTTPRequest(url)``, without looking at three dozen arguments that nobody gave."""
        self = cls.__new__(cls)
        self.url = url
        self.method = "GET"
        self._headers = None
        self._body = None
        self.start_time = time.time()
        return self

    def _take_content(self, json: Any, form: Any, files: Any, content: Any) -> None:
        from waterspout.httpclient._content import content_of  # most requests have no such body

        if self._body is not None or self.body_producer is not None:
            raise ValueError("json, form, files and content make the body: give none beside them")
        made = content_of(json, form, files, content)
        self._body = made.body
        if made.producer is not None:
            self.body_producer = made.producer
        headers = self._headers = HTTPHeaders(self._headers or {})
        for name, value in made.headers.items():
            if name not in headers:
                headers[name] = value

    @property
    def headers(self) -> HTTPHeaders:
        """The request's own header fields, as they were given."""
        if self._headers is None:
            self._headers = HTTPHeaders()
        return self._headers  # type: ignore[return-value]  # Tornado's own type, though a dict comes back as a dict

    @headers.setter
    def headers(self, value: Mapping[str, str] | HTTPHeaders | None) -> None:
        self._headers = HTTPHeaders() if value is None else value

    @property
    def body(self) -> bytes | None:
        """The body as bytes; text that is assigned becomes UTF-8."""
        return self._body

    @body.setter
    def body(self, value: bytes | str | None) -> None:
        self._body = None if value is None else utf8(value)

    def __repr__(self) -> str:
        # Neither headers nor body, nor a password in the URL: they are credentials.
        return f"<{type(self).__name__} {self.method} {without_userinfo(self.url)!r}>"


#: The attributes of a request that says nothing but what to fetch.
PLAIN_SIZE = len(vars(HTTPRequest("http://x/")))
