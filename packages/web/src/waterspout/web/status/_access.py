"""Who may see the page: by default this machine only, and nobody who only seems to be on it."""

from __future__ import annotations

import hmac
import inspect
import ipaddress
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from waterspout.web._errors import HTTPError
from waterspout.web._hosts import hosts_for_debug, is_loopback
from waterspout.web._ratelimit import RateLimiter, client_address
from waterspout.web._unknownproxy import comes_from_elsewhere

if TYPE_CHECKING:
    from waterspout.web._handler import RequestHandler

__all__ = ["Access", "Decide"]

Decide = Callable[["RequestHandler"], "bool | Awaitable[bool]"]
Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

#: This machine, as its own programs and browsers come.
LOCAL = ("127.0.0.0/8", "::1/128")
#: A password that is sent again and again must not be one that can be tried out.
SHORTEST_PASSWORD = 12
#: Wrong passwords that one address may send in a minute.
GUESSES = 10


class Access:
    """Lets in whose address is in *allow*, whoever knows *password*, and for whom *decide* says so: any of the three.

    Raises `ValueError` for what is no network, and for short passwords.
    """

    def __init__(self, allow: Iterable[str], password: str | None, decide: Decide | None) -> None:
        if isinstance(allow, str):
            raise ValueError(f"allow takes a list of addresses and networks, not the string {allow!r}")
        self._networks: Networks = tuple(_network(each) for each in allow)
        if password is not None and len(password) < SHORTEST_PASSWORD:
            raise ValueError(f"the password of a status page needs {SHORTEST_PASSWORD} characters or more")
        self._password = None if password is None else password.encode()
        self._decide = decide
        self._guesses = RateLimiter(GUESSES, 60.0)
        self._local_names = hosts_for_debug()

    async def check(self, handler: RequestHandler) -> None:
        """Return for who may see the page. Raises `HTTPError`: 401 where a password would do, 429 after wrong ones,
        else 403.
        """
        if self._comes_from_there(handler):
            return
        if self._decide is not None:
            verdict = self._decide(handler)
            if await verdict if inspect.isawaitable(verdict) else verdict:
                return
        if self._password is None:
            raise HTTPError(403, "%s may not see the status page (StatusPage: allow, password, access)",
                            handler.request.remote_ip)  # fmt: skip
        sent = _password_of(handler)
        if sent is not None:
            wait = self._guesses.wait_for(client_address(handler))
            if wait:
                raise HTTPError(429, headers={"Retry-After": str(int(wait) + 1)})
            if hmac.compare_digest(sent, self._password):
                self._guesses.forget(client_address(handler))
                return
        raise HTTPError(401, headers={"WWW-Authenticate": 'Basic realm="status", charset="UTF-8"'})

    def _comes_from_there(self, handler: RequestHandler) -> bool:
        request = handler.request
        try:
            address = _address(request.remote_ip or "")
        except ValueError:  # a UNIX socket, for example
            return False
        if not any(address in network for network in self._networks if network.version == address.version):
            return False
        if comes_from_elsewhere(request):
            return False
        # A page elsewhere whose name resolves to 127.0.0.1 makes the user's own browser ask (DNS rebinding).
        return not is_loopback(str(address)) or request.host in self._local_names


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} in allow is neither an address nor a network such as 10.0.0.0/8: {error}") from None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _password_of(handler: RequestHandler) -> bytes | None:
    """What ``Authorization`` holds: the password of Basic (RFC 7617; any user name), or the token of Bearer."""
    from base64 import b64decode  # only where a password is set

    scheme, _, value = handler.request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("utf-8", "replace")
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(value.strip(), validate=True).partition(b":")[2]
    except (Base64Error, ValueError):
        return None
