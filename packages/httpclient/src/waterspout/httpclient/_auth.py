"""Who we are: basic, bearer and digest authentication (RFC 7617, 6750, 7616)."""

from __future__ import annotations

import os
import re
from binascii import b2a_base64
from typing import TYPE_CHECKING, Protocol

from waterspout.httpclient._errors import InvalidRequestError

if TYPE_CHECKING:
    from waterspout.http1 import ResponseHead
    from waterspout.httpclient._settings import Settings
    from waterspout.httpclient._url import URL


class Auth(Protocol):
    """Adds credentials to requests of one origin."""

    def fields(self, method: str, url: URL, body: bytes | None) -> str:
        """Header lines, complete with CRLF, for a request; "" while there is nothing to say."""

    def wants_retry(self, head: ResponseHead) -> bool:
        """Whether the request should be sent again after the 401 response *head*."""

    def challenged(self, head: ResponseHead) -> None:
        """Learn from the 401 response *head*, before the request is sent again."""


Auth.__module__ = "waterspout.httpclient"


Auth.__module__ = "waterspout.httpclient"


#: Names of the header fields for credentials and for challenges, by "is it for a proxy?" (RFC 9110, 11.6 and 11.7).
_FIELDS = {False: ("Authorization", "WWW-Authenticate"), True: ("Proxy-Authorization", "Proxy-Authenticate")}


class BasicAuth:
    """User name and password, sent as they are (RFC 7617): only over https, or among friends."""

    __module__ = "waterspout.httpclient"
    __slots__ = ("_fields",)

    def __init__(self, username: str, password: str, *, for_proxy: bool = False) -> None:
        from waterspout.httputil import encode_username_password  # for Basic only

        credentials = b2a_base64(encode_username_password(username, password), newline=False).decode("ascii")
        self._fields = f"{_FIELDS[for_proxy][0]}: Basic {credentials}\r\n"

    def fields(self, method: str, url: URL, body: bytes | None) -> str:
        """See `Auth`."""
        return self._fields

    def wants_retry(self, head: ResponseHead) -> bool:
        """See `Auth`: they were sent already."""
        return False

    def challenged(self, head: ResponseHead) -> None:
        """See `Auth`."""


class BearerAuth(BasicAuth):
    """A token (RFC 6750)."""

    __module__ = "waterspout.httpclient"
    __slots__ = ()

    def __init__(self, token: str) -> None:
        if re.fullmatch(r"[A-Za-z0-9\-._~+/]+=*", token) is None:
            raise ValueError("a bearer token is made of letters, digits and -._~+/ (RFC 6750, 2.1)")
        self._fields = f"Authorization: Bearer {token}\r\n"


_ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_QUOTED_STRING = r"\"(?:[^\"\\]|\\.)*\""
_CHALLENGE_START = r"(?:^|,)[ \t]*Digest[ \t]+"
_PARAMETER = r"[ \t,]*([A-Za-z0-9_\-]+)[ \t]*=[ \t]*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]+))"


class DigestAuth:
    """User name and password, proved without sending them (RFC 7616). One object may serve many requests.

    The first request is sent without credentials; what the server's challenge says is used for it and all later
    ones. `compat` challenges with MD5 are answered as well, since most servers know nothing else.
    """

    __module__ = "waterspout.httpclient"
    __slots__ = ("_challenge", "_count", "_names", "_password", "_proved", "_username")

    def __init__(self, username: str, password: str, *, for_proxy: bool = False) -> None:
        if re.search("[\x00-\x1f\x7f]", username) is not None:  # a line break would be another header field (CS3)
            raise InvalidRequestError("a user name for Digest authentication holds control characters")
        self._names = _FIELDS[for_proxy]
        self._username = username
        self._password = password
        self._challenge: dict[str, str] | None = None
        self._count = 0
        self._proved = ""

    def fields(self, method: str, url: URL, body: bytes | None) -> str:
        """See `Auth`."""
        if self._challenge is None:
            return ""
        self._count += 1
        self._proved = self._challenge["nonce"]
        return f"{self._names[0]}: {self._proof(self._challenge, method, url.target, body)}\r\n"

    def wants_retry(self, head: ResponseHead) -> bool:
        """See `Auth`: not if this very challenge has been answered, unless the server only calls it stale."""
        challenge = self._best(head)
        if challenge is None or challenge["nonce"] == self._proved:
            return False
        return not self._proved or challenge.get("stale", "").lower() == "true"

    def challenged(self, head: ResponseHead) -> None:
        """See `Auth`."""
        self._challenge = self._best(head)
        self._count = 0

    def _best(self, head: ResponseHead) -> dict[str, str] | None:
        return best_digest_challenge(head.headers.get_list(self._names[1]))

    def _proof(self, challenge: dict[str, str], method: str, target: str, body: bytes | None) -> str:
        name = challenge.get("algorithm", "MD5")
        session = name.upper().endswith("-SESS")
        digest = _ALGORITHMS[name.upper().removesuffix("-SESS")]

        def hashed(text: str | bytes) -> str:
            import hashlib  # OpenSSL's tables are loaded for digest authentication alone

            return hashlib.new(
                digest, text.encode() if isinstance(text, str) else text, usedforsecurity=False
            ).hexdigest()

        realm, nonce = challenge.get("realm", ""), challenge["nonce"]
        nonce_count = f"{self._count:08x}"
        client_nonce = os.urandom(16).hex()
        secret = hashed(f"{self._username}:{realm}:{self._password}")
        if session:
            secret = hashed(f"{secret}:{nonce}:{client_nonce}")
        offered = [part.strip().lower() for part in challenge.get("qop", "").split(",")]
        qop = "auth" if "auth" in offered else "auth-int" if "auth-int" in offered else ""
        about = f"{method}:{target}"
        if qop == "auth-int":
            about += ":" + hashed(body or b"")
        middle = f"{nonce}:{nonce_count}:{client_nonce}:{qop}" if qop else nonce
        parts = [
            f'username="{_quoted(self._username)}"',
            f'realm="{_quoted(realm)}"',
            f'nonce="{_quoted(nonce)}"',
            f'uri="{target}"',
            f'response="{hashed(f"{secret}:{middle}:{hashed(about)}")}"',
        ]
        if "algorithm" in challenge:
            parts.append(f"algorithm={name}")
        if "opaque" in challenge:
            parts.append(f'opaque="{_quoted(challenge["opaque"])}"')
        if qop:
            parts += [f"qop={qop}", f"nc={nonce_count}", f'cnonce="{client_nonce}"']
        return "Digest " + ", ".join(parts)


def best_digest_challenge(fields: list[str]) -> dict[str, str] | None:
    """The parameters of the strongest Digest challenge that we can answer; None if there is none."""
    found: list[tuple[int, dict[str, str]]] = []
    for field in fields:
        # What stands inside quotes begins no challenge.
        unquoted = re.sub(_QUOTED_STRING, lambda text: "x" * len(text[0]), field)
        for start in re.finditer(_CHALLENGE_START, unquoted, re.IGNORECASE):
            parameters: dict[str, str] = {}
            position = start.end()
            while (match := re.match(_PARAMETER, field[position:])) is not None:
                value = match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
                parameters[match[1].lower()] = value
                position += match.end()
            name = parameters.get("algorithm", "MD5").upper().removesuffix("-SESS")
            digest = _ALGORITHMS.get(name)
            if "nonce" in parameters and digest is not None:
                found.append((list(_ALGORITHMS).index(name), parameters))
    return max(found, key=lambda entry: entry[0])[1] if found else None


def auth_for(settings: Settings | None, url: URL | None) -> Auth | None:
    """The credentials that *settings*, else the user name in *url*, give. Raises `InvalidRequestError`."""
    if settings is not None:
        if settings.auth is not None:
            return settings.auth
        if settings.auth_username is not None:
            return auth_by_mode(settings.auth_mode, settings.auth_username, settings.auth_password or "")
    if url is not None and url.username is not None:
        return auth_by_mode(None if settings is None else settings.auth_mode, url.username, url.password or "")
    return None


def auth_by_mode(mode: str | None, username: str, password: str, *, for_proxy: bool = False) -> Auth:
    """The credentials for ``auth_mode`` or ``proxy_auth_mode``. Raises `InvalidRequestError` for an unknown one."""
    if mode in (None, "basic"):
        return BasicAuth(username, password, for_proxy=for_proxy)
    if mode == "digest":
        return DigestAuth(username, password, for_proxy=for_proxy)
    raise InvalidRequestError(f'unsupported auth_mode {mode}; "basic" and "digest" are known')


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
