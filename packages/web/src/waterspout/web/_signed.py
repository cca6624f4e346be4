"""Signed values, as signed cookies carry them.

Version 2, byte for byte what Tornado writes:  ``2|1:0|10:1300000000|4:user|8:YWxpY2U=|<64 hex digits>``
that is: version, then key version, time, name and base64 of the value each with its length, then HMAC-SHA256 over all
before it. Version 1 (``<base64>|<time>|<40 hex digits>``, HMAC-SHA1) is read only where asked for.
"""

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from typing import NamedTuple

from waterspout.escape import utf8
from waterspout.util import is_tornado_compat
from waterspout.web._keys import Secret, secret_of_version

MIN_SUPPORTED_SIGNED_VALUE_VERSION = 1
MAX_SUPPORTED_SIGNED_VALUE_VERSION = 2
DEFAULT_SIGNED_VALUE_VERSION = 2
# Version 1 rests on SHA-1: accepting it by default would let an attacker choose the weaker one.
DEFAULT_SIGNED_VALUE_MIN_VERSION = 2

_DAY = 86400
_ALLOWED_SKEW = 300  # seconds that another machine's clock may be ahead
_LENGTH = re.compile(rb"(0|[1-9][0-9]{0,6}):")
_VERSION = re.compile(rb"([1-9][0-9]{0,2})\|")
_NUMBER = re.compile(rb"0|[1-9][0-9]{0,14}")
# Version 1 signs its parts without separators, so a time may not be lengthened with digits of the value.
_V1_TIME = re.compile(rb"[1-9][0-9]{0,14}")


class _Fields(NamedTuple):
    key_version: int
    timestamp: int
    name: bytes
    value: bytes
    signed: bytes
    signature: bytes


def create_signed_value(
    secret: Secret,
    name: str,
    value: str | bytes,
    version: int | None = None,
    clock: Callable[[], float] | None = None,
    key_version: int | None = None,
) -> bytes:
    """Return ``value`` signed for ``name`` and the time of ``clock`` (seconds, default `time.time`), safe in a cookie.

    The value can be read by anyone, but not changed. ``version`` is the format: 2 (default) or 1. A mapping of
    secrets needs ``key_version``. Raises ValueError if the format or the key version is not there.
    """
    version = DEFAULT_SIGNED_VALUE_VERSION if version is None else version
    timestamp = str(int((clock or time.time)())).encode()
    encoded = base64.b64encode(utf8(value))
    if version == 1:
        if not isinstance(secret, str | bytes):
            raise ValueError("signed values of version 1 have no key versions: give one secret")
        return b"|".join([encoded, timestamp, _create_signature_v1(secret, name, encoded, timestamp)])
    if version != 2:
        raise ValueError(f"Unsupported version {version}: choose 2 or 1")
    if not isinstance(secret, str | bytes) and key_version is None:
        raise ValueError("key_version must be given with a mapping of secrets")
    key = secret_of_version(secret, key_version or 0)
    if key is None:
        raise ValueError(f"there is no secret of key_version {key_version}")
    parts = [b"2", *(b"%d:%s" % (len(part), part) for part in _parts(key_version or 0, timestamp, name, encoded)), b""]
    signed = b"|".join(parts)
    return signed + _create_signature_v2(key, signed)


def _parts(key_version: int, timestamp: bytes, name: str, encoded: bytes) -> list[bytes]:
    return [str(key_version).encode(), timestamp, utf8(name), encoded]


def decode_signed_value(
    secret: Secret,
    name: str,
    value: str | bytes | None,
    max_age_days: float = 31,
    clock: Callable[[], float] | None = None,
    min_version: int | None = None,
    *,
    compat: str | None = None,
) -> bytes | None:
    """Return what was signed for ``name``, or None: not signed by us, for another name, too old, from the future.

    ``min_version`` is the lowest format accepted: 2, with ``compat="tornado"`` 1. In that mode a time in the future is
    accepted in version 2. Never raises for any ``value``; ValueError for a ``min_version`` above 2.
    """
    lenient = is_tornado_compat(compat)
    if min_version is None:
        min_version = 1 if lenient else DEFAULT_SIGNED_VALUE_MIN_VERSION
    if min_version > MAX_SUPPORTED_SIGNED_VALUE_VERSION:
        raise ValueError(f"Unsupported min_version {min_version}: the highest is 2")
    if not value:
        return None
    text = _bytes_or_none(value)
    if text is None:
        return None
    now = (clock or time.time)()
    oldest = now - max_age_days * _DAY
    version = _version_of(text)
    if version < min_version:
        return None
    if version == 2:
        return _decode_v2(secret, name, text, oldest, float("inf") if lenient else now + _ALLOWED_SKEW)
    if version == 1 and isinstance(secret, str | bytes):
        return _decode_v1(secret, name, text, oldest, now)
    return None


def get_signature_key_version(value: str | bytes) -> int | None:
    """The key version that a value says it was signed with, not verified; None if it has none."""
    text = _bytes_or_none(value)
    if text is None or _version_of(text) != 2:
        return None
    fields = _split_v2(text)
    return None if fields is None else fields.key_version


def _bytes_or_none(value: str | bytes) -> bytes | None:
    try:
        return utf8(value)
    except UnicodeEncodeError:  # a lone surrogate
        return None


def _version_of(value: bytes) -> int:
    """Version 1 has no marker: what does not begin with a small number is taken for it."""
    match = _VERSION.match(value)
    return int(match[1]) if match else 1


def _split_v2(value: bytes) -> _Fields | None:
    """The fields of a version 2 value; None if a length is malformed, or wrong."""
    fields = []
    position = 2
    for _ in range(4):
        length = _LENGTH.match(value, position)
        if length is None:
            return None
        end = length.end() + int(length[1])
        if value[end : end + 1] != b"|":
            return None
        fields.append(value[length.end() : end])
        position = end + 1
    key_version, timestamp, name, encoded = fields
    if _NUMBER.fullmatch(key_version) is None or _NUMBER.fullmatch(timestamp) is None:
        return None
    return _Fields(int(key_version), int(timestamp), name, encoded, value[:position], value[position:])


def _decode_v2(secret: Secret, name: str, value: bytes, oldest: float, newest: float) -> bytes | None:
    fields = _split_v2(value)
    if fields is None:
        return None
    key = secret_of_version(secret, fields.key_version)
    if key is None or not hmac.compare_digest(fields.signature, _create_signature_v2(key, fields.signed)):
        return None
    if fields.name != utf8(name) or not oldest <= fields.timestamp <= newest:
        return None
    return _b64decode(fields.value)


def _decode_v1(secret: str | bytes, name: str, value: bytes, oldest: float, now: float) -> bytes | None:
    parts = value.split(b"|")
    if len(parts) != 3:
        return None
    encoded, timestamp, signature = parts
    if not hmac.compare_digest(signature, _create_signature_v1(secret, name, encoded, timestamp)):
        return None
    if _V1_TIME.fullmatch(timestamp) is None or not oldest <= int(timestamp) <= now + 31 * _DAY:
        return None
    return _b64decode(encoded)


def _b64decode(encoded: bytes) -> bytes | None:
    try:
        return base64.b64decode(encoded)
    except binascii.Error:
        return None


def _create_signature_v1(secret: str | bytes, *parts: str | bytes) -> bytes:
    return hmac.new(utf8(secret), b"".join([utf8(part) for part in parts]), hashlib.sha1).hexdigest().encode()


def _create_signature_v2(secret: str | bytes, signed: bytes) -> bytes:
    return hmac.digest(utf8(secret), signed, "sha256").hex().encode()


for _function in (create_signed_value, decode_signed_value, get_signature_key_version):
    _function.__module__ = "waterspout.web"
del _function
