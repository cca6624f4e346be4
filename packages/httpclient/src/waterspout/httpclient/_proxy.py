"""Which proxy a request goes through: explicit options first, then the environment's rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from waterspout.httpclient._errors import InvalidURLError
from waterspout.httpclient._settings import Settings
from waterspout.httpclient._url import URL, parse_url

#: Ports of proxies whose URL names none.
_DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_scheme = re.compile(r"([a-z0-9]+)://", re.IGNORECASE)


class Proxy(NamedTuple):
    """A proxy. `scheme` is "http", "https" (TLS to the proxy itself), "socks5" or "socks5h" (it resolves names)."""

    scheme: str
    host: str
    port: int
    username: str | None = None
    password: str | None = None
    auth_mode: str | None = None

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS, not HTTP."""
        return self.scheme.startswith("socks")

    def __str__(self) -> str:
        """Its URL without user name and password."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def parse_proxy(text: str) -> Proxy:
    """The proxy that *text* names: a URL, or ``host:port`` for an http proxy. Raises `InvalidURLError`."""
    found = _scheme.match(text)
    scheme = found[1].lower() if found else "http"
    if scheme not in _DEFAULT_PORTS:
        raise InvalidURLError(f"{scheme!r} is no kind of proxy; known are {', '.join(_DEFAULT_PORTS)}")
    rest = text[found.end() :] if found else text
    url = parse_url(f"http://{rest}")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    has_port = re.search(r":[0-9]+\Z", authority) is not None
    return Proxy(scheme, url.host, url.port if has_port else _DEFAULT_PORTS[scheme], url.username, url.password)


class ProxyRules:
    """The rules of the variables http_proxy, https_proxy, all_proxy and no_proxy, read once.

    As elsewhere, lower case counts before upper case. HTTP_PROXY is ignored where REQUEST_METHOD is set: in a CGI
    program it holds what the client sent as its Proxy header (CVE-2016-5385, "httpoxy"; CS18). Requests to
    localhost and loopback addresses are never sent to a proxy.
    """

    __slots__ = ("_by_scheme", "_exceptions")

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._by_scheme: dict[str, Proxy] = {}
        is_cgi = "REQUEST_METHOD" in environment
        for scheme in ("http", "https"):
            value = environment.get(f"{scheme}_proxy", "")
            if not value and not (scheme == "http" and is_cgi):
                value = environment.get(f"{scheme.upper()}_PROXY", "")
            value = value or environment.get("all_proxy", "") or environment.get("ALL_PROXY", "")
            if value.strip():
                self._by_scheme[scheme] = parse_proxy(value.strip())
        self._exceptions: list[tuple[str, int | None]] = []
        if self._by_scheme:
            listed = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
            self._exceptions = [_exception(entry) for entry in re.split(r"[\s,]+", listed.lower()) if entry]

    @property
    def names_any(self) -> bool:
        """Whether there is any proxy at all."""
        return bool(self._by_scheme)

    def proxy_for(self, url: URL) -> Proxy | None:
        """The proxy for *url*, or None."""
        proxy = self._by_scheme.get(url.scheme)
        if proxy is None or _is_loopback(url.host) or any(_excepts(entry, url) for entry in self._exceptions):
            return None
        return proxy


def proxy_for(settings: Settings, url: URL, rules: ProxyRules | None) -> Proxy | None:
    """The proxy for a request to *url* with *settings*; *rules* apply where the request says nothing."""
    if settings.unix_socket is not None:
        return None
    if settings.proxy is not None:
        if not settings.proxy:
            return None
        return parse_proxy(settings.proxy)._replace(auth_mode=settings.proxy_auth_mode)
    if settings.proxy_host:
        if settings.proxy_port is None:
            raise InvalidURLError("proxy_host needs a proxy_port")
        named = parse_proxy(f"{settings.proxy_host}:{settings.proxy_port}")
        return named._replace(
            username=settings.proxy_username, password=settings.proxy_password, auth_mode=settings.proxy_auth_mode
        )
    return None if rules is None else rules.proxy_for(url)


def _exception(entry: str) -> tuple[str, int | None]:
    """A no_proxy entry as host (or network, or ``*``) and port."""
    host, colon, port = entry.rpartition(":")
    if colon and port.isdigit() and (":" not in host or host.endswith("]")):
        from urllib.parse import unquote  # for lists with ports only

        return unquote(host).strip("[]"), int(port)
    return entry.strip("[]"), None


def _excepts(entry: tuple[str, int | None], url: URL) -> bool:
    pattern, port = entry
    if port is not None and port != url.port:
        return False
    host = url.host.rstrip(".")
    if pattern == "*" or pattern == host:
        return True
    if "/" in pattern or ":" in pattern:
        return _is_in_network(host, pattern)
    # ".example.com" and "*.example.com" mean the domain's hosts, "example.com" the domain and its hosts.
    return host.endswith("." + pattern.removeprefix("*").lstrip("."))


def _is_in_network(host: str, network: str) -> bool:
    import ipaddress  # only no_proxy lists with addresses need it

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    return (
        host in ("localhost", "::1")
        or host.endswith(".localhost")
        or re.fullmatch(r"127(?:\.[0-9]+){3}", host) is not None
    )
