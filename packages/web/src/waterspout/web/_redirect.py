"""Where a redirect may lead.

Browsers read a URL more generously than the RFC: they drop tabs, newlines and leading blanks and take ``\\`` for
``/``, so that ``/\\evil.com`` and ``\\t//evil.com`` lead to another host. All checks here look at what the browser
will see.
"""

import re
from typing import Any
from urllib.parse import quote, unquote

from waterspout.escape import to_unicode
from waterspout.util import is_tornado_compat
from waterspout.web._fetchmetadata import origin_of

# Schemes that run what they carry.
ACTIVE_SCHEMES = frozenset(("javascript", "data", "vbscript"))

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DROPPED_BY_BROWSERS = {9: None, 10: None, 13: None}
_BLANKS = "".join(map(chr, range(0x21)))
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
# Everything that is printable ASCII stays: "%" too, the URL may be encoded already.
_KEPT = "".join(map(chr, range(0x21, 0x7F)))
_DECODINGS = 3


def redirect_location(
    url: str | bytes,
    *,
    same_origin: bool = False,
    own_origin: str | None = None,
    allow_schemes: tuple[str, ...] = (),
    compat: str | None = None,
) -> str:
    """Return ``url`` as the value of a ``Location`` field: non-ASCII characters and blanks come percent-encoded.

    Raises ValueError for control characters; for the schemes javascript, data and vbscript unless they are in
    ``allow_schemes`` (not with ``compat="tornado"``); and with ``same_origin`` for whatever may lead to another
    origin than ``own_origin``.
    """
    text = to_unicode(url)
    if _CONTROL.search(text):
        raise ValueError(f"control character in redirect URL {text[:200]!r}")
    if same_origin and not is_same_origin(text, own_origin):
        raise ValueError(f"redirect to another origin refused: {text[:200]!r}")
    scheme = _SCHEME.match(_as_browsers_see(text))
    if scheme and not is_tornado_compat(compat):
        name = scheme[1].lower()
        if name in ACTIVE_SCHEMES and name not in allow_schemes:
            raise ValueError(f"redirect to {name}: URL refused; name it in allow_schemes to send it")
    if text.isascii() and " " not in text:
        return text
    return quote(text, safe=_KEPT)


def is_local_path(url: str) -> bool:
    """Whether ``url`` is an absolute path on this host: one ``/`` at its start, and not two for any browser."""
    seen = _as_browsers_see(url)
    return seen.startswith("/") and not seen.startswith("//") and not _CONTROL.search(url) and seen[:1] == url[:1]


def is_same_origin(url: str, own_origin: str | None = None) -> bool:
    """Whether ``url`` stays on this origin: a local path, a query or fragment, a relative path, or a URL of
    ``own_origin``.
    """
    seen = _as_browsers_see(url)
    if _CONTROL.search(url) or seen.startswith("//"):
        return False
    if _SCHEME.match(seen) is None:
        return True
    return (
        own_origin is not None
        and "\\" not in url
        and origin_of(url) is not None
        and origin_of(url) == origin_of(own_origin)
    )


def safe_next(url: str | bytes | None, own_origin: str | None = None, default: str = "/") -> str:
    """Return ``url`` (a ``?next=`` parameter) if it leads back to this application, else ``default``.

    Taken are local paths, and with ``own_origin`` its absolute URLs. Also refused is what becomes another host's
    URL when it is percent-decoded once more, as a proxy or a second redirect might.
    """
    try:
        text = to_unicode(url or "")
    except UnicodeDecodeError:
        return default
    for form in _decoded_forms(text):
        if not is_local_path(form) and not (own_origin and _SCHEME.match(form) and is_same_origin(form, own_origin)):
            return default
    return text


def safe_back(referer: str | None, own_origin: str, default: str = "/") -> str:
    """Return the ``Referer`` for a way back if it is of ``own_origin``, else ``default``."""
    return (
        referer
        if referer and origin_of(referer) == origin_of(own_origin) and safe_next(referer, own_origin, "")
        else default
    )


def fill_redirect(pattern: str, args: tuple[str, ...], kwargs: dict[str, Any]) -> str:
    """Return ``pattern`` (of a RedirectHandler) with the captures of the request's path filled in by `str.format`.

    Raises ValueError if that leads anywhere but where the pattern says: a pattern that is a path must give a path
    on this host, one with a fixed host must keep it.
    """
    url = pattern.format(*args, **kwargs)
    if pattern.startswith("/") and not pattern.startswith("//"):
        if not is_local_path(url):
            raise ValueError(f"redirect to another host refused: {url[:200]!r}")
    elif (fixed := _fixed_origin(pattern)) is not None and (origin_of(url) != fixed or "\\" in url):
        raise ValueError(f"redirect to another host refused: {url[:200]!r}")
    if _CONTROL.search(url):
        raise ValueError(f"control character in redirect URL {url[:200]!r}")
    return url


def with_slash(path: str, query: str) -> str | None:
    """Where ``addslash`` redirects to: ``path`` with a slash at its end; None if it has one.

    Raises ValueError for a path that would name another host.
    """
    return None if path.endswith("/") else _local(path + "/", query)


def without_slash(path: str, query: str) -> str | None:
    """Where ``removeslash`` redirects to: ``path`` without slashes at its end; None if it has none.

    Raises ValueError for a path that would name another host, and for one of slashes only.
    """
    return _local(path.rstrip("/"), query) if path.endswith("/") else None


def _local(path: str, query: str) -> str:
    if not is_local_path(path) or not is_local_path(unquote(path)):
        raise ValueError(f"no path on this host: {path[:200]!r}")
    return f"{path}?{query}" if query else path


def _as_browsers_see(url: str) -> str:
    return url.translate(_DROPPED_BY_BROWSERS).lstrip(_BLANKS).replace("\\", "/")


def _decoded_forms(text: str) -> list[str]:
    forms = [text]
    for _ in range(_DECODINGS):
        decoded = unquote(forms[-1].partition("?")[0])
        if decoded == forms[-1]:
            break
        forms.append(decoded)
    return forms


def _fixed_origin(pattern: str) -> str | None:
    """The origin of an absolute pattern that has no capture in it."""
    origin = origin_of(pattern)
    return None if origin is None or "{" in origin else origin
