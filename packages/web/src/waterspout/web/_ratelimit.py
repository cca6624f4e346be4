"""How often one client may ask: the decorator `rate_limit`."""

from __future__ import annotations

import functools
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from waterspout.web._errors import HTTPError

if TYPE_CHECKING:
    from waterspout.web._handler import RequestHandler

__all__ = ["RateLimiter", "rate_limit"]

Method = Callable[..., Awaitable[None] | None]
Key = Callable[["RequestHandler"], str]

#: Clients that are remembered; beyond that the one that was heard of longest ago is forgotten.
MAX_KEYS = 10_000


class RateLimiter:
    """Lets *count* calls pass in any *seconds*, for each key; a bucket that fills evenly, so bursts of *count* may.

    For one process: several of them count by themselves. At most *max_keys* keys are remembered.
    """

    __slots__ = ("_buckets", "_clock", "_count", "_max_keys", "_rate")

    def __init__(
        self, count: int, seconds: float, *, max_keys: int = MAX_KEYS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if count < 1 or seconds <= 0:
            raise ValueError(f"a rate limit needs a count and a time, not {count} in {seconds} s")
        self._count = count
        self._rate = count / seconds
        self._max_keys = max_keys
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait_for(self, key: str) -> float:
        """Take one call for *key*: 0 if it may pass, else the seconds after which one may."""
        now = self._clock()
        left, before = self._buckets.pop(key, (float(self._count), now))
        left = min(float(self._count), left + (now - before) * self._rate)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        if len(self._buckets) > self._max_keys:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate

    def forget(self, key: str) -> None:
        """Let *key* begin anew: it has proved that it was no guess."""
        self._buckets.pop(key, None)


#: Beginnings of IPv6 addresses, written out, of which the first 64 bits say nothing of who it is: IPv4 in IPv6 and this
#: machine (RFC 4291, 2.5), translated IPv4 (RFC 6052, 8215), and addresses of a link (fe80::/10).
#: The server's cap on connections knows the same, but no released one has a public name for it, and any must do here.
_EACH_A_CLIENT = ("0000:0000:0000:0000:", "0064:ff9b:", "fe8", "fe9", "fea", "feb")


def client_address(handler: RequestHandler) -> str:
    """The address of the client: behind a trusted proxy the one that it names, never what a stranger claims.

    Of IPv6 the network of 64 bits: who has one has 2**64 addresses, and few are given less.
    """
    address = handler.request.remote_ip or ""
    return _network(address) if ":" in address else address


def _network(address: str) -> str:
    from ipaddress import IPv6Address  # only where a client comes by IPv6

    try:
        whole = IPv6Address(address.partition("%")[0]).exploded
    except ValueError:
        return address
    return whole if whole.startswith(_EACH_A_CLIENT) else f"{whole[:19]}::/64"


def rate_limit(
    count: int, seconds: float, *, key: Key = client_address, max_keys: int = MAX_KEYS
) -> Callable[[Method], Method]:
    """Method decorator: 429 with Retry-After for clients that ask more than *count* times in *seconds*.

    *key* tells clients apart (default: by address, and by the network of 64 bits for IPv6).
    """
    limiter = RateLimiter(count, seconds, max_keys=max_keys)

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        def wrapper(self: RequestHandler, *args: Any, **kwargs: Any) -> Awaitable[None] | None:
            wait = limiter.wait_for(key(self))
            if wait:
                raise HTTPError(429, headers={"Retry-After": str(int(wait) + 1)})
            return method(self, *args, **kwargs)

        return wrapper

    return decorate
