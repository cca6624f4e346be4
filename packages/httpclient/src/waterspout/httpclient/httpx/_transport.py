"""The transport: httpx builds requests, follows redirects, decodes; we carry bytes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, Any

try:
    import httpx
except ImportError as error:
    raise ImportError(
        "waterspout.httpclient.httpx needs httpx: install it by `pip install 'waterspout-httpclient[httpx]'`"
    ) from error

from waterspout.httpclient import FetchError, HTTPRequest, SimpleAsyncHTTPClient
from waterspout.httpclient.httpx._errors import translated
from waterspout.httputil import HTTPHeaders
from waterspout.ioloop import IOLoop

if TYPE_CHECKING:
    from waterspout.httpclient._request import BodyProducer, BodyWriter
    from waterspout.httpclient._streaming import ResponseStream, StreamedResponse

#: As many requests at once as httpx allows connections by default.
MAX_CLIENTS = 100


class WaterspoutTransport(httpx.AsyncBaseTransport):
    """An httpx transport over a `SimpleAsyncHTTPClient` and its pool.

    ::

        async with httpx.AsyncClient(transport=WaterspoutTransport()) as client:
            response = await client.get("https://example.com/")

    *options* are those of `SimpleAsyncHTTPClient`, and of `HTTPRequest` under ``defaults`` (``ca_certs``, ``proxy``,
    ...): httpx's own ``verify``, ``cert``, ``proxy`` and ``limits`` belong to its own transport. Each event loop that
    uses the transport has a client of its own.
    """

    __module__ = "waterspout.httpclient.httpx"

    def __init__(self, **options: Any) -> None:
        self._options = {"max_clients": MAX_CLIENTS, "trust_env": False, **options}
        self._clients: dict[IOLoop, SimpleAsyncHTTPClient] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*; the response's body is read by whoever iterates over it. Raises httpx's errors."""
        client = self._client()
        made = _request(request)
        exchange, stream = client.open_stream(made)
        exchange.start()
        try:
            response = await stream.head()
        except FetchError as error:
            raise translated(error, request) from error
        except BaseException:
            stream.close()
            raise
        return httpx.Response(
            status_code=response.code,
            headers=_raw_headers(response),
            stream=_Body(stream, request) if (body := stream.whole()) is None else httpx.ByteStream(body),
            extensions={
                "http_version": (response.http_version or "HTTP/1.1").encode("ascii"),
                "reason_phrase": response.reason.encode("latin-1", "replace"),
            },
        )

    async def aclose(self) -> None:
        """Close all connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def _client(self) -> SimpleAsyncHTTPClient:
        io_loop = IOLoop.current()
        client = self._clients.get(io_loop)
        if client is None:
            client = self._clients[io_loop] = SimpleAsyncHTTPClient(force_instance=True, **self._options)
        return client


class _Body(httpx.AsyncByteStream):
    """A response's body, raw."""

    def __init__(self, stream: ResponseStream, request: httpx.Request) -> None:
        self._stream = stream
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._stream.pieces():
                yield piece
        except FetchError as error:
            raise translated(error, self._request) from error

    async def aclose(self) -> None:
        self._stream.close()


def _request(request: httpx.Request) -> HTTPRequest:
    timeouts = request.extensions.get("timeout") or {}
    body: bytes | None = None
    producer: BodyProducer | None = None
    if isinstance(request.stream, httpx.ByteStream):
        body = b"".join(request.stream) or None
    elif isinstance(request.stream, AsyncIterable):
        producer = _producer(request.stream)
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
    # httpx asks for what every HTTP/1.1 connection is anyway.
    headers = HTTPHeaders.from_pairs(
        pair for pair in pairs if pair[0].lower() != "connection" or pair[1] != "keep-alive"
    )
    return HTTPRequest(
        str(request.url),
        method=request.method,
        headers=headers,
        body=body,
        body_producer=producer,
        allow_nonstandard_methods=True,
        decompress_response=False,
        follow_redirects=False,
        request_timeout=0,
        connect_timeout=timeouts.get("connect") or 0,
        read_timeout=timeouts.get("read"),
        write_timeout=timeouts.get("write"),
        queue_timeout=timeouts.get("pool"),
    )


def _producer(stream: AsyncIterable[bytes]) -> BodyProducer:
    async def produce(write: BodyWriter) -> None:
        async for piece in stream:
            await write(piece)

    return produce


def _raw_headers(response: StreamedResponse) -> list[tuple[bytes, bytes]]:
    """The fields as they came: the reader has found them well-formed."""
    assert response._head is not None
    return _find_fields(response._head.field_block)


_find_fields = re.compile(rb"\r\n([^:\r\n]++):[ \t]*+([^\r\n]*+)").findall
