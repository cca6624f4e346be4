"""XSRF tokens: a secret in a cookie that a form must repeat, masked anew each time it is shown.

Version 1 is the token in hex. Version 2 is ``2|mask|masked token|time`` in hex, where the mask is random, so that the
text differs in every response and compression cannot betray it (CVE-2014-9720). Natively a token also carries a
signature of the application (`new_token`), so that somebody who can set cookies from a sibling domain cannot make one
up.
"""

import binascii
import hmac
import re
import secrets
import time

from waterspout.escape import utf8
from waterspout.util import is_tornado_compat
from waterspout.web._keys import Secret, current_version, derive_key, secret_of_version

_NONCE_BYTES = 16
_TAG_BYTES = 16
_MASK_BYTES = 4
_MAX_TOKEN_TEXT = 512
_VERSION = re.compile(rb"([1-9][0-9]{0,2})\|")
_VERSION_2 = re.compile(rb"2\|([0-9a-fA-F]{8})\|((?:[0-9a-fA-F]{2})+)\|([0-9]{1,15})")
_PURPOSE = "xsrf-token"

Decoded = tuple[int | None, bytes | None, float | None]
"""Version, token, time it was made. All None if it is no token."""


def new_token(secret: Secret | None = None, binding: bytes = b"") -> bytes:
    """Return a new raw token: 16 random bytes and, with a ``secret``, 16 bytes of signature over them and ``binding``.

    ``binding`` is what the token must belong to: the id of the session or user, empty before login. A token that
    was made before login is not genuine for the binding after it.
    """
    nonce = secrets.token_bytes(_NONCE_BYTES)
    if secret is None:
        return nonce
    key = secret_of_version(secret, current_version(secret, None))
    assert key is not None  # the current version is always there
    return nonce + _tag(key, nonce, binding)


def is_genuine(
    token: bytes | None, secret: Secret | None = None, binding: bytes = b"", *, compat: str | None = None
) -> bool:
    """Whether a raw token from a cookie is one that `new_token` can have made.

    With a ``secret``, its signature must fit (any key version); without, it must have at least 16 bytes. With
    ``compat="tornado"`` every token is taken.
    """
    if token is None:
        return False
    if is_tornado_compat(compat):
        return bool(token)
    if secret is None:
        return len(token) >= _NONCE_BYTES
    nonce, tag = token[:_NONCE_BYTES], token[_NONCE_BYTES:]
    keys = [secret] if isinstance(secret, str | bytes) else secret.values()
    return any([hmac.compare_digest(tag, _tag(utf8(key), nonce, binding)) for key in keys])


def encode_token(token: bytes, version: int = 2, timestamp: float | None = None) -> bytes:
    """Return a raw token as text for a cookie or form: differs at every call (version 2).

    ``timestamp`` is the time the token was made, default now. Raises ValueError for another version than 1 and 2.
    """
    if version == 1:
        return binascii.b2a_hex(token)
    if version != 2:
        raise ValueError(f"unknown xsrf cookie version {version}: choose 2 or 1")
    mask = secrets.token_bytes(_MASK_BYTES)
    made = int(time.time() if timestamp is None else timestamp)
    return b"2|%s|%s|%d" % (binascii.b2a_hex(mask), binascii.b2a_hex(_masked(token, mask)), made)


def decode_token(text: str | bytes, *, compat: str | None = None) -> Decoded:
    """Return version, raw token and time of the text that `encode_token` made; three times None for anything else.

    Version 1 has no time of its own: now is returned. With ``compat="tornado"`` text that is no hex is a version 1
    token as it stands. Never raises.
    """
    try:
        data = utf8(text)
    except UnicodeEncodeError:
        return None, None, None
    if not data or len(data) > _MAX_TOKEN_TEXT:
        return None, None, None
    version = _VERSION.match(data)
    if version is not None:
        fields = _VERSION_2.fullmatch(data)
        if fields is None:
            return None, None, None
        mask, masked = binascii.a2b_hex(fields[1]), binascii.a2b_hex(fields[2])
        return 2, _masked(masked, mask), int(fields[3])
    try:
        token = binascii.a2b_hex(data)
    except binascii.Error:
        if not is_tornado_compat(compat):
            return None, None, None
        token = data
    return 1, token, time.time()


def tokens_match(cookie_token: bytes | None, sent_token: bytes | None) -> bool:
    """Whether two raw tokens are the same, in constant time; False if either is missing or empty."""
    return bool(cookie_token and sent_token) and hmac.compare_digest(cookie_token or b"", sent_token or b"")


def _masked(data: bytes, mask: bytes) -> bytes:
    """``data`` XOR the repeated ``mask``; its own inverse."""
    repeated = (mask * (len(data) // _MASK_BYTES + 1))[: len(data)]
    return (int.from_bytes(data) ^ int.from_bytes(repeated)).to_bytes(len(data))


def _tag(secret: bytes, nonce: bytes, binding: bytes) -> bytes:
    return hmac.digest(derive_key(secret, _PURPOSE), nonce + binding, "sha256")[:_TAG_BYTES]
