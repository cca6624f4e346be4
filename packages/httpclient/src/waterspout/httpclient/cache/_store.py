"""Where responses are kept."""

from __future__ import annotations

from typing import Protocol

from waterspout.httputil import HTTPHeaders


class StoredResponse:
    """A response as it is kept. Times are seconds since the epoch."""

    __module__ = "waterspout.httpclient.cache"
    __slots__ = ("body", "headers", "reason", "received", "request_headers", "requested", "status")

    status: int
    reason: str
    headers: HTTPHeaders
    body: bytes
    #: Those of the request that it answered, for Vary.
    request_headers: HTTPHeaders
    requested: float
    received: float

    def __init__(
        self,
        status: int,
        reason: str,
        headers: HTTPHeaders,
        body: bytes,
        request_headers: HTTPHeaders,
        requested: float,
        received: float,
    ) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body
        self.request_headers = request_headers
        self.requested = requested
        self.received = received


class Store(Protocol):
    """What a cache keeps responses in: all variants of a URL together."""

    def get(self, url: str) -> list[StoredResponse]:
        """The responses kept for *url*, the latest last."""

    def put(self, url: str, responses: list[StoredResponse]) -> None:
        """Keep *responses* for *url*, in place of what there is; an empty list removes it."""


Store.__module__ = "waterspout.httpclient.cache"


class MemoryStore:
    """Keeps responses in memory, at most *max_size* bytes of bodies; what was not used longest goes first."""

    __module__ = "waterspout.httpclient.cache"

    size: int

    def __init__(self, max_size: int = 50 * 1024 * 1024) -> None:
        self.max_size = max_size
        self.size = 0
        self._responses: dict[str, list[StoredResponse]] = {}

    def __len__(self) -> int:
        """How many URLs are known."""
        return len(self._responses)

    def get(self, url: str) -> list[StoredResponse]:
        """See `Store`."""
        found = self._responses.pop(url, None)
        if found is None:
            return []
        self._responses[url] = found  # the last to be thrown away now
        return list(found)

    def put(self, url: str, responses: list[StoredResponse]) -> None:
        """See `Store`; what alone is larger than `max_size` is not kept."""
        self.size -= _size_of(url, self._responses.pop(url, []))
        added = _size_of(url, responses)
        if not responses or added > self.max_size:
            return
        self._responses[url] = responses
        self.size += added
        while self.size > self.max_size:
            oldest = next(iter(self._responses))
            self.size -= _size_of(oldest, self._responses.pop(oldest))


def _size_of(url: str, responses: list[StoredResponse]) -> int:
    #: A response's object, headers and key weigh something, too.
    return sum(len(response.body) + 1024 for response in responses) + (len(url) if responses else 0)
