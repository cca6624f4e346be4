"""InProcessClient: requests to an application without sockets, through the same codec and server as over them."""

from __future__ import annotations

import asyncio
import json as json_module
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from io import BytesIO
from types import TracebackType
from typing import Any, cast
from urllib.parse import urlencode, urljoin, urlsplit

from waterspout.escape import utf8
from waterspout.http1connection import HTTP1Connection
from waterspout.httpclient import HTTPRequest, HTTPResponse
from waterspout.httpserver import HTTPServer
from waterspout.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
    parse_date,
    url_concat,
)
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.testing._memory import memory_streams

__all__ = ["InProcessClient", "StreamedResponse"]

_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 10


class InProcessClient:
    """Fetches from *application* in the same process and loop: no port, no socket, and the whole way of a request.

    ::

        async with InProcessClient(make_app()) as client:
            response = await client.fetch("/login", method="POST", form={"name": "ada"})
            assert response.code == 302

    The head is parsed, the body framed and the answer written as over the wire, so malformed requests are refused and
    limits hold. *application* is anything that an `HTTPServer` takes; *server_options* are that server's. Cookies that
    responses set are sent back, whatever their path; ``cookies`` holds them. Requests come from 127.0.0.1 and go to
    *host*. Used as a context manager, it closes what is still open at the end; an *application* that is one itself is
    entered before and left after that, as `waterspout.httpserver.run` does it.
    """

    __module__ = "waterspout.testing"

    cookies: dict[str, str]

    def __init__(self, application: Any, *, host: str = "127.0.0.1", **server_options: Any) -> None:
        self._application = application
        self._server = HTTPServer(application, **server_options)
        self._host = host
        self._open: set[StreamedResponse] = set()
        self.cookies = {}

    async def __aenter__(self) -> InProcessClient:
        if _is_context_manager(self._application):
            await self._application.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for response in list(self._open):
            await response.aclose()
        await self._server.close_all_connections()
        if _is_context_manager(self._application):
            await self._application.__aexit__(kind, error, traceback)

    async def fetch(
        self,
        path: str,
        *,
        method: str = "GET",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | HTTPHeaders | None = None,
        body: str | bytes | None = None,
        form: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
        json: Any = None,
        follow_redirects: bool = False,
        raise_error: bool = False,
    ) -> HTTPResponse:
        """The whole response to one request.

        *query* is added to *path*; *form* and *json* make body and Content-Type. With *follow_redirects* the answer is
        that of the last of up to ten redirects on this host; with *raise_error* a status of 400 and above is raised as
        `HTTPClientError`. Raises `StreamClosedError` if the server closes before the response is complete.
        """
        fields = HTTPHeaders(headers or {})
        if form is not None:
            body = urlencode(form)  # type: ignore[arg-type]  # a mapping or pairs, as it takes
            fields.setdefault("Content-Type", "application/x-www-form-urlencoded")
        elif json is not None:
            body = json_module.dumps(json)
            fields.setdefault("Content-Type", "application/json")
        path = url_concat(path, query)
        for _ in range(_MAX_REDIRECTS):
            async with self.stream(path, method=method, headers=fields, body=body) as response:
                data = b"".join([piece async for piece in response])
            target = response.headers.get("Location")
            if not follow_redirects or response.code not in _REDIRECTS or target is None:
                break
            path = self._redirected(path, target)
            if response.code == 303 or (method == "POST" and response.code < 303):
                method, body = "GET", None
                for name in ("Content-Type", "Content-Length"):
                    fields.pop(name, None)
        request = HTTPRequest(f"http://{self._host}{path}", method=method, headers=fields)
        result = HTTPResponse(
            request, response.code, headers=response.headers, buffer=BytesIO(data), reason=response.reason
        )
        if raise_error:
            result.rethrow()
        return result

    def _redirected(self, path: str, target: str) -> str:
        parts = urlsplit(urljoin(f"http://{self._host}{path}", target))
        if parts.netloc != self._host:
            raise ValueError(f"a redirect leads to another host, which is not served here: {target!r}")
        return parts._replace(scheme="", netloc="", fragment="").geturl() or "/"

    def stream(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | HTTPHeaders | None = None,
        body: str | bytes | None = None,
    ) -> StreamedResponse:
        """A response whose body is read as it comes: ``async with client.stream("/events") as response``.

        Leaving the block before the end is what a client that goes away is to the server.
        """
        if not path.startswith("/"):
            raise ValueError(f"a path begins with a slash: {path!r}")
        data = b"" if body is None else utf8(body)
        fields = HTTPHeaders(headers or {})
        fields.setdefault("Host", self._host)
        if body is not None or method in ("POST", "PUT", "PATCH"):
            fields.setdefault("Content-Length", str(len(data)))
        if self.cookies and "Cookie" not in fields:
            fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return StreamedResponse(self, RequestStartLine(method, path, "HTTP/1.1"), fields, data)

    def _started(self, response: StreamedResponse) -> IOStream:
        client, server = memory_streams(("127.0.0.1", 50000), ("127.0.0.1", 80))
        self._server.handle_stream(cast(IOStream, server), ("127.0.0.1", 50000))
        self._open.add(response)
        return cast(IOStream, client)

    def _ended(self, response: StreamedResponse) -> None:
        self._open.discard(response)

    def _keep_cookies(self, headers: HTTPHeaders) -> None:
        for line in headers.get_list("Set-Cookie"):
            try:
                jar = SimpleCookie(line)
            except CookieError:  # a browser would leave it out, too
                continue
            for name, morsel in jar.items():
                expires = parse_date(morsel["expires"]) if morsel["expires"] else None
                if morsel["max-age"] == "0" or (expires is not None and expires.timestamp() < time.time()):
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.coded_value


def _is_context_manager(application: object) -> bool:
    return hasattr(type(application), "__aenter__")


class StreamedResponse:
    """A response of `InProcessClient.stream`: ``code``, ``reason`` and ``headers`` once entered; iterate for the body.

    Entering raises `StreamClosedError` if the server closes without an answer, iterating if it does before the end.
    """

    __module__ = "waterspout.testing"

    code: int
    reason: str
    headers: HTTPHeaders

    def __init__(
        self, client: InProcessClient, start_line: RequestStartLine, headers: HTTPHeaders, body: bytes
    ) -> None:
        self._client = client
        self._request = (start_line, headers, body)
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._connection: HTTP1Connection | None = None
        self._reading: asyncio.Future[bool] | None = None
        self._complete = False

    async def __aenter__(self) -> StreamedResponse:
        start_line, headers, body = self._request
        self._connection = connection = HTTP1Connection(self._client._started(self), True)
        delegate = _Answer(self._pieces)
        connection.write_headers(start_line, headers, body)  # first: what the answer may be depends on the method
        self._reading = connection.read_response(delegate)
        connection.finish()
        either: list[asyncio.Future[Any]] = [delegate.head, self._reading]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not delegate.head.done():
            await self.aclose()
            raise StreamClosedError(real_error=ConnectionResetError("the server closed without an answer"))
        line, self.headers = delegate.head.result()
        self.code, self.reason = line.code, line.reason or ""
        self._client._keep_cookies(self.headers)
        self._delegate = delegate
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self._complete:
            piece = await self._pieces.get()
            if piece is None:
                self._complete = True
                if self._delegate.broken:
                    raise StreamClosedError(real_error=ConnectionResetError("the response broke off"))
                return
            yield piece

    async def aclose(self) -> None:
        """Close the connection, as a client that goes away."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._client._ended(self)
            await asyncio.sleep(0)


class _Answer(HTTPMessageDelegate):
    """Takes a response in parts, at the pace of who reads it."""

    def __init__(self, pieces: asyncio.Queue[bytes | None]) -> None:
        self.head: asyncio.Future[tuple[ResponseStartLine, HTTPHeaders]] = asyncio.get_running_loop().create_future()
        self.broken = False
        self._pieces = pieces
        self._ending: asyncio.Task[None] | None = None

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
        assert isinstance(start_line, ResponseStartLine)
        if start_line.code >= 200:
            self.head.set_result((start_line, headers))

    async def data_received(self, chunk: bytes) -> None:
        await self._pieces.put(chunk)

    def finish(self) -> None:
        self._ending = asyncio.ensure_future(self._pieces.put(None))

    def on_connection_close(self) -> None:
        self.broken = True
        self.finish()
