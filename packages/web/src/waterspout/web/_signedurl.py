"""Links that only this application can make: every part of the URL is signed, and they expire."""

import base64
import hmac
import re
import time
from collections.abc import Callable

from waterspout.escape import utf8
from waterspout.web._keys import Secret, current_version, derive_key, secret_of_version

_PURPOSE = "signed-url"
_ABSOLUTE = re.compile(r"https?://[^/?#]+[/?]?")
_OURS = re.compile(r"[?&](?:expires|signature)=")
_SIGNED = re.compile(
    r"(.+[?&]expires=([1-9][0-9]{0,14}))&signature=(0|[1-9][0-9]{0,8})\.([A-Za-z0-9_-]{43})", re.DOTALL
)


def sign_url(
    secret: Secret,
    url: str,
    *,
    max_age: float,
    purpose: str = "",
    key_version: int | None = None,
    clock: Callable[[], float] | None = None,
) -> str:
    """Return ``url`` with ``expires`` and ``signature`` added to its query: valid for ``max_age`` seconds.

    The URL must be absolute, so that host and scheme are signed too, and have no fragment and no parameters of
    these names; else ValueError. ``purpose`` separates kinds of links: one signed for "invite" is not valid for
    "reset". The key is derived from ``secret`` (see `derive_key`), of a mapping from its ``key_version``, default
    the highest.
    """
    if _ABSOLUTE.match(url) is None or "#" in url:
        raise ValueError(f"only an absolute http(s) URL without a fragment can be signed, not {url!r}")
    if _OURS.search(url):
        raise ValueError("the URL already has a parameter named expires or signature")
    version = current_version(secret, key_version)
    key = secret_of_version(secret, version)
    if key is None:
        raise ValueError(f"there is no secret of key_version {version}")
    expires = int((clock or time.time)() + max_age)
    signed = f"{url}{'&' if '?' in url else '?'}expires={expires}"
    return f"{signed}&signature={version}.{_signature(key, purpose, signed)}"


def verify_url(secret: Secret, url: str, *, purpose: str = "", clock: Callable[[], float] | None = None) -> bool:
    """Whether ``url`` is, to the letter, one that `sign_url` made for this ``purpose``, and has not expired.

    Any change is refused: parameters added, repeated or in another order, another host, path or scheme. Give the
    URL as it was requested, with the scheme and host that the application itself is known by. Never raises for any
    ``url``.
    """
    match = _SIGNED.fullmatch(url)
    if match is None:
        return False
    signed, expires, version, signature = match.groups()
    key = secret_of_version(secret, int(version))
    if key is None:
        return False
    try:
        expected = _signature(key, purpose, signed)
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return hmac.compare_digest(signature, expected) and (clock or time.time)() < int(expires)


def _signature(key: bytes, purpose: str, signed: str) -> str:
    digest = hmac.digest(derive_key(key, f"{_PURPOSE}:{purpose}"), utf8(signed), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


sign_url.__module__ = verify_url.__module__ = "waterspout.web"
