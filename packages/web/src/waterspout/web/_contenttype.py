"""Media types: of a file by its name, and which are worth compressing."""

import mimetypes

OCTET_STREAM = "application/octet-stream"

# Types that the tables of older systems lack; what every page needs must not depend on the machine's /etc/mime.types.
_MODERN = {
    ".avif": "image/avif",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
_OF_ENCODING = {"gzip": "application/gzip"}

_COMPRESSIBLE = frozenset(
    f"application/{kind}" for kind in ("atom+xml", "javascript", "json", "x-javascript", "xhtml+xml", "xml")
) | {"image/svg+xml"}
_COMPRESSIBLE_ENDINGS = ("+json", "+xml")


def guess_content_type(path: str) -> str:
    """The media type of a file by its name; ``application/octet-stream`` where it is not known.

    A compressed file (``x.txt.gz``) is of the type of its compression. Send ``X-Content-Type-Options: nosniff``
    with it, else browsers may see HTML in what was uploaded as something else.
    """
    _, dot, ending = path.rpartition(".")
    known = _MODERN.get(dot + ending.lower())
    if known is not None:
        return known
    guessed, encoding = mimetypes.guess_type(path)
    if encoding is not None:
        return _OF_ENCODING.get(encoding, OCTET_STREAM)
    return guessed or OCTET_STREAM


def is_compressible(content_type: str, types: frozenset[str] | set[str] = _COMPRESSIBLE) -> bool:
    """Whether content of this type shrinks: text, and the ``types`` named (default: JavaScript, JSON, XML, SVG).

    Images, audio, video, fonts and archives are compressed already.
    """
    bare = content_type.partition(";")[0].strip().lower()
    return bare.startswith("text/") or bare in types or bare.endswith(_COMPRESSIBLE_ENDINGS)


DEFAULT_COMPRESSIBLE_TYPES = _COMPRESSIBLE
