"""URLs: one strict parse whose result is what is connected to, sent as Host, named to TLS and shown to policies.

It follows the WHATWG URL standard where software disagrees (CS7): the authority of an http URL ends at the first of
``/ ? # \\``, what stands before its last ``@`` is user information, and a host whose last label is a number is an
IPv4 address, or wrong. Text that a URL cannot hold is refused, not repaired: stripping CR and LF, as
`urllib.parse` does, turns an injected line into part of a path (CS1).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from waterspout.httpclient._errors import InvalidURLError
from waterspout.httpclient._shown import shown
from waterspout.util import is_tornado_compat

#: Origin and target of the URLs that need no care; the origin is looked up as it is written.
match_plain_url = re.compile(r"(https?://[!$&-.0-;=A-Z\[\]_a-z~]++)(?>(/[!$-;=?-Z\[\]_a-z|~]*+)?)\Z").match

_split = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(?://|/\\|\\/|\\\\)([^/?#\\]*)([^?#]*)(\?[^#]*)?(?:#.*)?\Z", re.DOTALL)
_scheme = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
#: C0 controls, space, DEL, C1 controls: never in a URL (WHATWG: validation errors; here: errors).
_control = re.compile(r"[\x00-\x20\x7f-\xa0]")
_domain = re.compile(r"[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?)*\.?")
_number = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
_byte = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_ipv4 = re.compile(rf"{_byte}(?:\.{_byte}){{3}}")
_to_escape_in_path = re.compile(rb"[^!$-;=@-\[\]_a-z|~]")
_to_escape_in_query = re.compile(rb"[^!$-;=?-~]")

DEFAULT_PORTS = {"http": 80, "https": 443}


class URL(NamedTuple):
    """An http or https URL in parts.

    `host` is lower case, without brackets; `port` always a number; `target` what goes into the request line;
    `username` and `password` are percent-decoded.
    """

    scheme: str
    host: str
    port: int
    target: str
    username: str | None = None
    password: str | None = None

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is an IPv6 address."""
        return ":" in self.host

    @property
    def authority(self) -> str:
        """host:port as the Host header has it: the scheme's own port is left out (RFC 9110, 7.2)."""
        host = f"[{self.host}]" if self.is_ipv6 else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def server_name(self) -> str:
        """What the certificate must be for, and TLS asks for: without the dot of an absolute name (RFC 6066, 3)."""
        return self.host.rstrip(".")

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what credentials belong to (RFC 9110, 4.3.1)."""
        return self.scheme, self.host, self.port

    def __str__(self) -> str:
        """The URL without its user information, fit for logs."""
        return f"{self.scheme}://{self.authority}{self.target}"


def parse_url(text: str, compat: str | None = None) -> URL:
    """The parts of an http or https URL.

    Raises `InvalidURLError` for another scheme, control characters, spaces, a missing or malformed host or port.
    With *compat* ``"tornado"`` a space in path or query is sent as ``%20``, and hosts like ``127.1`` are left to
    the resolver.
    """
    lenient = is_tornado_compat(compat)
    if not isinstance(text, str):
        if not isinstance(text, bytes):
            raise TypeError(f"a URL is text, not {type(text).__name__}")
        text = text.decode("utf-8")
    if lenient:
        text = text.replace(" ", "%20")
    bad = _forbidden(text)
    if bad is not None:
        raise _invalid(text, f"it holds {bad!r}, which must be percent-encoded")
    parts = _split.match(text)
    scheme = parts[1].lower() if parts else None
    if parts is None or scheme not in DEFAULT_PORTS:
        found = _scheme.match(text)
        if found is None:
            raise _invalid(text, "it does not begin with http:// or https://")
        if found[1].lower() in DEFAULT_PORTS:
            raise _invalid(text, f"{found[1]}: is not followed by // and a host")
        raise _invalid(text, f"Unsupported url scheme: {found[1].lower()}; only http and https can be fetched")
    assert scheme is not None
    userinfo, at, host_and_port = parts[2].rpartition("@")
    host, port = _split_port(text, host_and_port)
    username = password = None
    if at:
        name, colon, secret = userinfo.partition(":")
        from urllib.parse import unquote_to_bytes  # heavy, and few URLs need it

        username = unquote_to_bytes(name).decode("utf-8", "replace")
        password = unquote_to_bytes(secret).decode("utf-8", "replace") if colon else ""
    path = parts[3].replace("\\", "/") or "/"
    target = _escape(_to_escape_in_path, path) + _escape(_to_escape_in_query, parts[4] or "")
    return URL(
        scheme,
        _checked_host(text, host, lenient),
        DEFAULT_PORTS[scheme] if port is None else port,
        target,
        username,
        password,
    )


def join_url(base: str, location: str) -> str:
    """The URL that *location*, of a response to *base*, names (RFC 9110, 10.2.2).

    A fragment of *base* is kept if *location* has none. Spaces and non-ASCII are percent-encoded, since servers send
    them raw; leading and trailing white space is dropped. Raises ValueError for some that are malformed; `parse_url`
    finds the others.

    *location* is text as header fields have it, a character for each byte: UTF-8 is read as such (CS13).
    """
    if not location.isascii():
        location = _as_sent(location)
    location = location.strip(" \t\n\f\r").replace(" ", "%20")
    scheme = _scheme.match(location)
    if scheme is None or scheme[1].lower() in DEFAULT_PORTS:
        # A backslash is a slash here, as for every browser: what looks like a path may name another host.
        head, mark, tail = _partition_any(location)
        location = head.replace("\\", "/") + mark + tail
    from urllib.parse import urljoin  # for redirects only

    joined = urljoin(base, location)
    if "#" in base and "#" not in joined:
        joined += base[base.index("#") :]
    return joined


def _as_sent(location: str) -> str:
    """*location*, whose characters stand for bytes, read as UTF-8 if it is that, else as Latin-1."""
    try:
        return location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return location


def _forbidden(text: str) -> str | None:
    """The first character that no URL may hold, not even to be percent-encoded by us; None if all are fine."""
    found = _control.search(text)
    if found is not None:
        return found.group()
    if text.isascii() or text.isprintable():
        return None
    # Line separators and halves of surrogate pairs; what else is not printable (formatting, private use) may pass.
    return next((c for c in text if c in "\u2028\u2029" or "\ud800" <= c <= "\udfff"), None)


def _partition_any(text: str) -> tuple[str, str, str]:
    found = re.search("[?#]", text)
    if found is None:
        return text, "", ""
    return text[: found.start()], found.group(), text[found.end() :]


def _split_port(text: str, host_and_port: str) -> tuple[str, int | None]:
    if host_and_port.startswith("["):
        host, bracket, rest = host_and_port.partition("]")
        host += bracket
        if not bracket or (rest and not rest.startswith(":")):
            raise _invalid(text, f"its host {host_and_port!r} is malformed")
        digits = rest[1:]
    else:
        host, _, digits = host_and_port.partition(":")
    if not digits:
        return host, None
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 5 or not 0 < int(digits) < 65536:
        # What stands there may be a password, with the rest of it behind a slash.
        raise _invalid(text, f"{digits!r} is no port" if f":{digits}" in shown(text) else "its port is no number")
    return host, int(digits)


def _checked_host(text: str, host: str, lenient: bool) -> str:
    if not host:
        raise _invalid(text, "it names no host")
    if host.startswith("["):
        import ipaddress  # only URLs with an IPv6 address need it

        try:
            return ipaddress.IPv6Address(host[1:-1] if "%" not in host else "no zones").compressed
        except ValueError:
            raise _invalid(text, f"its host {host!r} is no IPv6 address") from None
    if "%" in host:
        from urllib.parse import unquote_to_bytes

        host = unquote_to_bytes(host).decode("utf-8", "replace")
    if not host.isascii():
        host = _to_ascii(text, host)
    host = host.lower()
    if _domain.fullmatch(host) is None or len(host) > 254:
        raise _invalid(text, f"its host {host!r} is malformed")
    last = host.rstrip(".").rpartition(".")[2]
    if _number.fullmatch(last) is not None and _ipv4.fullmatch(host) is None and not lenient:
        raise _invalid(text, f"its host {host!r} ends in a number and is no IPv4 address of four decimal bytes")
    return host


def _to_ascii(text: str, host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise _invalid(text, f"its host {host!r} is no international domain name ({error})") from error


def _escape(to_escape: re.Pattern[bytes], text: str) -> str:
    if text.isascii() and to_escape.search(raw := text.encode("ascii")) is None:
        return text
    raw = text.encode("utf-8")
    return to_escape.sub(lambda found: b"%%%02X" % found.group()[0], raw).decode("ascii")


def _invalid(url: str, why: str) -> InvalidURLError:
    return InvalidURLError(f"Cannot fetch {shown(url)!r}: {why}", url=shown(url))
