"""A request's options merged once with the client's defaults."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

from waterspout.httpclient._request import HTTPRequest

if TYPE_CHECKING:
    from waterspout.http1 import InterimResponse
    from waterspout.httpclient._auth import Auth
    from waterspout.httpclient._request import BodyProducer, StreamingCallback
    from waterspout.httpclient._retry import Retries

#: What a request's option means that neither the request nor the client's defaults give.
DEFAULTS: Mapping[str, Any] = {
    **dict.fromkeys(("connect_timeout", "request_timeout"), 20.0),
    **dict.fromkeys(("decompress_response", "follow_redirects", "validate_cert"), True),
    "allow_nonstandard_methods": False,
    "max_redirects": 5,
    "proxy_password": "",
}

#: Options that decide which connection a request may use: a connection made with one set of values is never given
#: to a request with another (TL2, TL3).
_OF_CONNECTION = (
    "network_interface",
    "allow_ipv6",
    "unix_socket",
    "proxy",
    *(f"proxy_{part}" for part in ("host", "port", "username", "password", "auth_mode")),
)
_OF_TLS = ("validate_cert", "ca_certs", "client_key", "client_cert", "ssl_options")
_OF_REQUEST = (
    "auth",
    "auth_username",
    "auth_password",
    "auth_mode",
    "connect_timeout",
    "request_timeout",
    "read_timeout",
    "write_timeout",
    "queue_timeout",
    "minimum_rate",
    "follow_redirects",
    "max_redirects",
    "user_agent",
    "streaming_callback",
    "header_callback",
    "interim_callback",
    "prepare_curl_callback",
    "allow_nonstandard_methods",
    "body_producer",
    "expect_100_continue",
    "decompress_response",
    "retries",
)
OPTIONS = _OF_CONNECTION + _OF_TLS + _OF_REQUEST


class Settings:
    """The options of one fetch, all of them settled. One object serves all requests without options of their own.

    `connection_key` is equal for two settings whose requests may share a connection.
    """

    __slots__ = (*OPTIONS, "_connection_key")

    network_interface: str | None
    allow_ipv6: bool | None
    unix_socket: str | None
    proxy: str | None
    proxy_host: str | None
    proxy_port: int | None
    proxy_username: str | None
    proxy_password: str | None
    proxy_auth_mode: str | None
    validate_cert: bool
    ca_certs: str | None
    client_key: str | None
    client_cert: str | None
    ssl_options: Any
    auth: Auth | None
    auth_username: str | None
    auth_password: str | None
    auth_mode: str | None
    connect_timeout: float
    request_timeout: float
    read_timeout: float | None
    write_timeout: float | None
    queue_timeout: float | None
    minimum_rate: float | None
    follow_redirects: bool
    max_redirects: int
    user_agent: str | None
    streaming_callback: StreamingCallback | None
    header_callback: Callable[[str], None] | None
    interim_callback: Callable[[InterimResponse], None] | None
    prepare_curl_callback: Callable[[Any], None] | None
    allow_nonstandard_methods: bool
    body_producer: BodyProducer | None
    expect_100_continue: bool
    decompress_response: bool
    retries: Retries | int | None

    def __init__(self, own: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        """*own* are a request's attributes; what it lacks, or holds as None, comes from *defaults*."""
        for name in OPTIONS:
            value = own.get(name)
            setattr(self, name, defaults.get(name) if value is None else value)
        self._connection_key: tuple[Hashable, ...] | None = None

    @property
    def connection_key(self) -> tuple[Hashable, ...]:
        """All options that a connection depends on, as one value."""
        key = self._connection_key
        if key is None:
            values = [getattr(self, name) for name in (*_OF_CONNECTION, *_OF_TLS)]
            if isinstance(values[-1], dict):
                values[-1] = tuple(sorted(values[-1].items()))
            key = self._connection_key = tuple(values)
        return key

    def without_certificate(self) -> Settings:
        """The same without the client's certificate, for another origin; the object itself where there is none.

        What an SSLContext of the caller's own holds cannot be told.
        """
        options = self.ssl_options
        in_options = isinstance(options, dict) and "certfile" in options
        if self.client_cert is None and not in_options:
            return self
        own = {name: getattr(self, name) for name in OPTIONS}
        own["client_cert"] = own["client_key"] = None
        if in_options:
            own["ssl_options"] = {name: options[name] for name in options if name not in ("certfile", "keyfile")}
        return Settings(own, {})

    @property
    def tls_key(self) -> Hashable:
        """The part of `connection_key` that an SSLContext depends on."""
        return self.connection_key[len(_OF_CONNECTION) :]


class SettingsSource:
    """Merges requests with a client's defaults, and remembers what the defaults alone come to."""

    __slots__ = ("_plain", "_seen", "defaults")

    defaults: dict[str, Any]

    def __init__(self, defaults: dict[str, Any]) -> None:
        #: The client's public dictionary, which applications may change at any time.
        self.defaults = defaults
        self._seen = dict(defaults)
        self._plain = Settings({}, defaults)

    def plain(self) -> Settings:
        """The settings of a request that has none of its own."""
        if self.defaults != self._seen:
            self._seen = dict(self.defaults)
            self._plain = Settings({}, self.defaults)
        return self._plain

    def of(self, request: HTTPRequest) -> Settings:
        """The settings of *request*, which has options of its own."""
        return Settings(_attributes(request), self.defaults)


def filled_in(request: HTTPRequest, defaults: Mapping[str, Any]) -> HTTPRequest:
    """A copy of *request* whose options are all settled, for implementations that read them from the request.

    Its `original_request` is the request itself.
    """
    copy = request.__class__.__new__(request.__class__)
    vars(copy).update(vars(request))
    for name, value in defaults.items():
        if getattr(request, name, None) is None:
            setattr(copy, name, value)
    vars(copy)["original_request"] = request
    return copy


def _attributes(request: HTTPRequest) -> Mapping[str, Any]:
    if type(request) is HTTPRequest:
        return vars(request)
    # A subclass may give options as class attributes or properties.
    return {name: getattr(request, name, None) for name in OPTIONS}
