"""Where a redirect may lead.

Browsers read a URL more generously than the RFC: they drop tabs, newlines and leading blanks and take ``\\`` for
``/``, so that ``/\\evil.com`` and ``\\t//evil.com`` lead to another host. All checks here look at what the browser
will see.
"""

import re
from string import Formatter
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
_ABSOLUTE_PATTERN = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.\-]*:)?//)([^/?#]+)")
# After these browsers look for a host in whatever follows, slashes or not (URL standard, "special scheme").
_HOST_SCHEMES = frozenset(("http", "https", "ws", "wss", "ftp"))
_LABELS = "[A-Za-z0-9.-]+"


def redirect_location(
    url: str | bytes,
    *,
    same_origin: bool = False,
    own_origin: str | None = None,
    allow_schemes: tuple[str, ...] = (),
    compat: str | None = None,
) -> str:
    """Return ``url`` as the value of a ``Location`` field: non-ASCII characters and blanks come percent-encoded (with
    ``compat="tornado"`` as the bytes that they are).

    Raises ValueError for control characters; for the schemes javascript, data and vbscript unless they are in
    ``allow_schemes`` (not with ``compat="tornado"``); and with ``same_origin`` for whatever may lead to another
    origin than ``own_origin``.
    """
    text = to_unicode(url)
    if _CONTROL.search(text):
        raise ValueError(f"Redirect URL contains invalid characters: control character in {text[:200]!r}")
    if same_origin and not is_same_origin(text, own_origin):
        raise ValueError(f"redirect to another origin refused: {text[:200]!r}")
    scheme = _SCHEME.match(_as_browsers_see(text))
    if scheme and not is_tornado_compat(compat):
        name = scheme[1].lower()
        if name in ACTIVE_SCHEMES and name not in allow_schemes:
            raise ValueError(f"redirect to {name}: URL refused; name it in allow_schemes to send it")
    if text.isascii() and " " not in text:
        return text
    if is_tornado_compat(compat):
        return text.encode().decode("latin-1")  # the bytes of its UTF-8, as they are
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
    on this host, one with a fixed host must keep it, and no capture can bring a scheme or host of its own.
    """
    url = pattern.format(*args, **kwargs)
    if not _leads_where_it_says(pattern, url):
        how = " by a control character" if _CONTROL.search(url) else ""
        raise ValueError(f"refused: Redirect URL cannot change the scheme or netloc{how}: {url[:200]!r}")
    if _CONTROL.search(url):
        raise ValueError(f"Redirect URL contains invalid characters: control character in {url[:200]!r}")
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
        raise ValueError(f"cannot redirect path with two initial slashes, no path on this host: {path[:200]!r}")
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


def _leads_where_it_says(pattern: str, url: str) -> bool:
    """Whether ``url``, made of ``pattern``, has no scheme and no host that the pattern does not give it."""
    if pattern.startswith("/") and not pattern.startswith("//"):
        return is_local_path(url)
    absolute = _ABSOLUTE_PATTERN.match(pattern)
    if absolute is not None:
        return _keeps_host(absolute, url)
    seen = _as_browsers_see(url)
    given, found = _SCHEME.match(pattern), _SCHEME.match(seen)
    if given is None:
        return found is None and not seen.startswith("//")
    return found is not None and found[1].lower() == given[1].lower() and given[1].lower() not in _HOST_SCHEMES


def _keeps_host(absolute: re.Match[str], url: str) -> bool:
    """Whether ``url`` has the host that an ``absolute`` pattern gives it; captures in it may be labels of a name."""
    fields = list(Formatter().parse(absolute[2]))
    literal, field, *_ = fields[-1] if fields else ("", None)
    if field is not None:
        if not literal and len(fields) == 1:
            return False  # "https://{0}": the client would say where to
        # A capture right after the host has to begin the path: "https://b.example{0}".
        fields[-1] = (literal, None, None, None)
    host = "".join(re.escape(text) + ("" if name is None else _LABELS) for text, name, *_ in fields)
    return re.match(f"{re.escape(absolute[1])}{host}(?=[/?#]|\\Z)", url) is not None and "\\" not in url
