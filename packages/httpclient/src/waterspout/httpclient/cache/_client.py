"""CachedHTTPClient: asks its store first, then another client."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

from waterspout.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from waterspout.httpclient.cache._rules import (
    age,
    conditions,
    directives,
    may_store,
    may_use,
    may_use_after_error,
    selects,
    updated,
)
from waterspout.httpclient.cache._store import MemoryStore, Store, StoredResponse
from waterspout.httputil import HTTPHeaders

#: Variants of one URL that are kept.
MAX_VARIANTS = 16
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
#: What of a request makes it none of the cache's business.
_CONDITIONS = frozenset({"If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range", "Range"})


class CachedHTTPClient(AsyncHTTPClient):
    """An `AsyncHTTPClient` that keeps responses and gives them again as long as their headers allow (RFC 9111).

    ::

        http = CachedHTTPClient(AsyncHTTPClient())

    *client* fetches what is not in *store* (a `MemoryStore` unless given), or no longer fresh: then the server is
    asked whether it has changed. A response from the store has an ``Age`` header; ``time_info["cache"]`` is 1.0 for
    one that the server was not asked about, 0.5 for one that it confirmed. Requests with a streaming callback, a body
    producer or conditions of their own pass through, and so do those that were redirected.
    """

    __module__ = "waterspout.httpclient.cache"

    store: Store

    def __new__(cls, client: AsyncHTTPClient, store: Store | None = None, **kwargs: Any) -> CachedHTTPClient:
        return super().__new__(cls, force_instance=True, client=client, store=store, **kwargs)  # type: ignore[return-value]

    def initialize(  # type: ignore[override]  # each implementation has its own keywords
        self, client: AsyncHTTPClient, store: Store | None = None, defaults: dict[str, Any] | None = None
    ) -> None:
        """See the class."""
        super().initialize(defaults={**client.defaults, **(defaults or {})})
        self._client = client
        self.store = MemoryStore() if store is None else store

    def fetch_impl(self, request: HTTPRequest, callback: Callable[[HTTPResponse], None]) -> None:
        """Answer from the store, or ask the client."""
        headers = HTTPHeaders(request.headers)
        if request.method != "GET" or _is_private_business(request, headers):
            self._pass(request, callback)
            return
        url = urldefrag(request.url).url
        now = time.time()
        stored = next(
            (
                r
                for r in reversed(self.store.get(url))
                if selects(r.headers.get("Vary", ""), r.request_headers, headers)
            ),
            None,
        )
        if stored is not None:
            current = age(stored.headers, stored.requested, stored.received, now)
            if may_use(headers, stored.status, stored.headers, current):
                self._later(callback, _made(request, stored, current, 1.0))
                return
        if "only-if-cached" in directives(headers):
            self._later(callback, HTTPResponse(request, 504, reason="Not in the cache"))
            return
        asking = request
        if stored is not None:
            asking = copy.copy(request)
            asking.headers = HTTPHeaders(headers)
            asking.headers.update(conditions(stored.headers))
        self._ask(asking, lambda response: callback(self._judged(request, url, headers, stored, now, response)))

    def _judged(
        self,
        request: HTTPRequest,
        url: str,
        headers: HTTPHeaders,
        stored: StoredResponse | None,
        requested: float,
        response: HTTPResponse,
    ) -> HTTPResponse:
        """What *response* means for the store, and what is the answer to *request*."""
        now = time.time()
        if stored is not None and response.code == 304:
            stored.headers = updated(stored.headers, response.headers)
            stored.requested, stored.received = requested, now
            self._keep(url, stored)
            return _made(request, stored, age(stored.headers, requested, now, now), 0.5)
        if stored is not None and (response.code == 599 or response.code in (500, 502, 503, 504)):
            current = age(stored.headers, stored.requested, stored.received, now)
            if may_use_after_error(stored.headers, stored.status, current):
                return _made(request, stored, current, 1.0)
        response.request = request
        if response.code != 599 and not response.history and may_store("GET", headers, response.code, response.headers):
            kept = HTTPHeaders(response.headers)
            self._keep(
                url, StoredResponse(response.code, response.reason, kept, response.body, headers, requested, now)
            )
        return response

    def _keep(self, url: str, response: StoredResponse) -> None:
        vary = response.headers.get("Vary", "")
        others = [
            other
            for other in self.store.get(url)
            if other is not response and not selects(vary, other.request_headers, response.request_headers)
        ]
        self.store.put(url, [*others, response][-MAX_VARIANTS:])

    def _pass(self, request: HTTPRequest, callback: Callable[[HTTPResponse], None]) -> None:
        """Fetch without the store; a successful change of the resource makes what is stored of it wrong."""

        def answered(response: HTTPResponse) -> None:
            if request.method not in _SAFE and 200 <= response.code < 400:
                self._invalidate(request.url, response)
            callback(response)

        self._ask(request, answered)

    def _invalidate(self, url: str, response: HTTPResponse) -> None:
        """RFC 9111, 4.4: the URL itself, and where the response says that something changed, on the same origin."""
        self.store.put(urldefrag(url).url, [])
        for name in ("Location", "Content-Location"):
            if name in response.headers:
                place = urljoin(url, response.headers[name])
                if urlsplit(place)[:2] == urlsplit(url)[:2]:
                    self.store.put(urldefrag(place).url, [])

    def _ask(self, request: HTTPRequest, callback: Callable[[HTTPResponse], None]) -> None:
        future = self._client.fetch(request, raise_error=False)

        def done(future: asyncio.Future[HTTPResponse]) -> None:
            error = asyncio.CancelledError() if future.cancelled() else future.exception()
            callback(future.result() if error is None else HTTPResponse(request, 599, error=error))

        future.add_done_callback(done)

    def _later(self, callback: Callable[[HTTPResponse], None], response: HTTPResponse) -> None:
        self.io_loop.asyncio_loop.call_soon(callback, response)


def _is_private_business(request: HTTPRequest, headers: HTTPHeaders) -> bool:
    if request.streaming_callback or request.header_callback or request.body_producer or request.body:
        return True
    return any(name in _CONDITIONS for name in headers)


def _made(request: HTTPRequest, stored: StoredResponse, current_age: float, how: float) -> HTTPResponse:
    headers = HTTPHeaders(stored.headers)
    headers["Age"] = str(int(current_age))
    return HTTPResponse(
        request,
        stored.status,
        headers=headers,
        buffer=BytesIO(stored.body),
        reason=stored.reason,
        request_time=0.0,
        start_time=time.time(),
        time_info={"cache": how},
    )
