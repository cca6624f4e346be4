"""Signatures of OAuth 1.0 (RFC 5849, 3.4), byte for byte."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, quote, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HASHES = {"HMAC-SHA1": "sha1", "HMAC-SHA256": "sha256", "HMAC-SHA512": "sha512"}


def encoded(text: str | bytes) -> str:
    """``text`` percent-encoded (3.6): everything but letters, digits and ``-._~``, in upper-case hexadecimal."""
    return quote(text, safe="~")


def base_string(method: str, url: str, params: Iterable[tuple[str, str]]) -> str:
    """What is signed (3.4.1): method, address, and all parameters in order.

    ``params`` are the ``oauth_`` parameters and those of a form body, decoded; those of the URL's query are added here.
    """
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    pairs = sorted(
        (encoded(name), encoded(value)) for name, value in [*query, *params] if name not in ("oauth_signature", "realm")
    )
    normalized = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join((method.upper(), encoded(_base_uri(url)), encoded(normalized)))


def _base_uri(url: str) -> str:
    """Scheme, host and path (3.4.1.2): the first two in lower case, no port that the scheme implies, no query."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in _DEFAULT_PORTS or not host:
        raise ValueError(f"only http and https URLs can be signed, not {url.partition('?')[0][:200]!r}")
    if ":" in host:
        host = f"[{host}]"
    if parts.port is not None and parts.port != _DEFAULT_PORTS[scheme]:
        host = f"{host}:{parts.port}"
    return f"{scheme}://{host}{parts.path or '/'}"


def signature(
    method: str,
    url: str,
    params: Iterable[tuple[str, str]],
    client_secret: str,
    token_secret: str = "",
    *,
    signature_method: str = "HMAC-SHA1",
) -> str:
    """The value of ``oauth_signature``. ValueError for another method than HMAC-SHA1, -SHA256 and -SHA512."""
    digest = _HASHES.get(signature_method)
    if digest is None:
        raise ValueError(f"signature_method must be one of {', '.join(_HASHES)}, not {signature_method!r}")
    key = f"{encoded(client_secret)}&{encoded(token_secret)}".encode()
    return b64encode(hmac.digest(key, base_string(method, url, params).encode(), hashlib.new(digest).name)).decode()


def authorization_header(params: Mapping[str, str], realm: str | None = None) -> str:
    """The value of an Authorization field that carries ``params`` (3.5.1)."""
    fields = [f'{encoded(name)}="{encoded(value)}"' for name, value in params.items()]
    if realm is not None:
        fields.insert(0, f'realm="{encoded(realm)}"')
    return "OAuth " + ", ".join(fields)
