"""MockHTTPClient: a client whose server is a function."""

from __future__ import annotations

import asyncio
import inspect
import json as json_module
from collections.abc import Awaitable, Callable, Mapping
from io import BytesIO
from typing import Any

from waterspout.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from waterspout.httputil import HTTPHeaders

Handler = Callable[[HTTPRequest], HTTPResponse | Awaitable[HTTPResponse]]


def respond(
    request: HTTPRequest,
    code: int = 200,
    body: bytes | str = b"",
    *,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    reason: str | None = None,
) -> HTTPResponse:
    """A response to *request*, for handlers of `MockHTTPClient`. *json* makes the body and its Content-Type."""
    fields = HTTPHeaders(headers or {})
    if json is not None:
        body = json_module.dumps(json)
        fields.setdefault("Content-Type", "application/json")
    data = body.encode("utf-8") if isinstance(body, str) else body
    fields.setdefault("Content-Length", str(len(data)))
    return HTTPResponse(request, code, headers=fields, buffer=BytesIO(data), reason=reason, request_time=0.0)


respond.__module__ = "waterspout.httpclient.mock"


class MockHTTPClient(AsyncHTTPClient):
    """An `AsyncHTTPClient` that asks *handler* in place of a server: no socket, no waiting.

    ::

        def handler(request):
            return respond(request, 404 if request.url.endswith("/missing") else 200, "hello")

        http = MockHTTPClient(handler)

    The handler, a function or a coroutine function, gets an `HTTPRequest` with all defaults filled in and returns
    an `HTTPResponse`, mostly by `respond`; what it raises is what the fetch raises. Callbacks and body producers of
    the request are called as they would be; a produced body is in ``request.body`` by then. Redirects are not
    followed: they are the handler's business. ``requests`` holds all requests so far.
    """

    __module__ = "waterspout.httpclient.mock"

    requests: list[HTTPRequest]

    def __new__(cls, handler: Handler, **kwargs: Any) -> MockHTTPClient:
        return super().__new__(cls, force_instance=True, handler=handler, **kwargs)  # type: ignore[return-value]

    def initialize(self, handler: Handler, defaults: dict[str, Any] | None = None) -> None:  # type: ignore[override]
        """See the class."""
        super().initialize(defaults=defaults)
        self._handler = handler
        self.requests = []
        self._tasks: set[asyncio.Task[None]] = set()

    def fetch_impl(self, request: HTTPRequest, callback: Callable[[HTTPResponse], None]) -> None:
        """Ask the handler, in a task."""
        task = self.io_loop.asyncio_loop.create_task(self._answer(request, callback))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: HTTPRequest, callback: Callable[[HTTPResponse], None]) -> None:
        try:
            if request.body_producer is not None:
                request.body = await _produced(request)
            self.requests.append(request)
            result = self._handler(request)
            response = await result if inspect.isawaitable(result) else result
            await _deliver(request, response)
        except Exception as error:
            response = HTTPResponse(request, 599, error=error)
        callback(response)


async def _produced(request: HTTPRequest) -> bytes:
    pieces: list[bytes] = []

    async def write(piece: bytes) -> None:
        pieces.append(piece)

    assert request.body_producer is not None
    result = request.body_producer(write)
    if inspect.isawaitable(result):
        await result
    return b"".join(pieces)


async def _deliver(request: HTTPRequest, response: HTTPResponse) -> None:
    if request.header_callback is not None:
        request.header_callback(f"HTTP/1.1 {response.code} {response.reason}\r\n")
        for name, value in response.headers.get_all():
            request.header_callback(f"{name}: {value}\r\n")
        request.header_callback("\r\n")
    if request.streaming_callback is not None and response.body:
        result = request.streaming_callback(response.body)
        if inspect.isawaitable(result):
            await result
        response.body = b""
        response.buffer = BytesIO()
