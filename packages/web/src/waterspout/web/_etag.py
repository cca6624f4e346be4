"""Entity tags: making them, and comparing them with If-None-Match and If-Match (RFC 9110, 8.8.3 and 13.1)."""

import re
from hashlib import sha1

try:
    from _sha1 import sha1 as _sha1  # type: ignore[import-not-found]  # CPython's own is quicker than OpenSSL's where there is little to hash
except ImportError:  # a Python that was built without it
    _sha1 = sha1

# A tag, or one element of a list that is none; possessive, so that the scan is linear whatever it is given.
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*+"')
_LIST_END = re.compile(r"[ \t]*+(?:,|\Z)")

#: Bytes of a body from which on OpenSSL's SHA-1 is the quicker one: all that fits one of its blocks is below.
SMALL = 56


def content_hash(body: bytes) -> str:
    """What tells a body from others, in hexadecimal. It is no secret and guards nothing, so SHA-1 will do."""
    if len(body) < SMALL:
        return _sha1(body).hexdigest()  # type: ignore[no-any-return]
    return sha1(body, usedforsecurity=False).hexdigest()


def content_etag(body: bytes) -> str:
    """The tag of a body: its `content_hash` in quotes."""
    return f'"{content_hash(body)}"'


def weakened(etag: str) -> str:
    """The weak form of a tag, for another coding of the same content."""
    return etag if etag.startswith("W/") else "W/" + etag


def parse_etags(header: str) -> list[str] | None:
    """The tags of a list; None for ``*``. What is no tag (no quotes) is left out. Linear in the header's length."""
    if header.strip() == "*":
        return None
    tags = []
    position, end = 0, len(header)
    while position < end:
        if header[position] in " \t,":
            position += 1
            continue
        tag = _TAG.match(header, position)
        finish = _LIST_END.match(header, tag.end()) if tag else None
        if tag is not None and finish is not None:
            tags.append(tag[0])
            position = finish.end()
        else:
            comma = header.find(",", position)
            position = end if comma < 0 else comma + 1
    return tags


def matches_weakly(header: str, etag: str) -> bool:
    """Whether If-None-Match ``header`` lists ``etag``, weak and strong taken for equal; ``*`` lists all."""
    if header == etag:
        return bool(etag)
    opaque = etag.removeprefix("W/")
    # Most requests list other tags: one search in C says so.
    if opaque not in header and "*" not in header:
        return False
    tags = parse_etags(header)
    return tags is None or any(tag.removeprefix("W/") == opaque for tag in tags)


def matches_strongly(header: str, etag: str | None) -> bool:
    """Whether If-Match ``header`` lists ``etag``, both strong; ``*`` lists all. None (no tag): only ``*`` does."""
    tags = parse_etags(header)
    if tags is None:
        return True
    return etag is not None and not etag.startswith("W/") and etag in tags
