"""Requests to providers: bounded in time and size, never redirected, and silent about what they carry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from waterspout.auth._endpoints import without_query
from waterspout.auth._errors import ProviderUnreachable
from waterspout.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from waterspout.httputil import HTTPHeaders

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds for a whole exchange. A user waits for it, and browsers do not wait much longer.
TIMEOUT = 10.0
#: Bytes of an answer. Google's key set has 2 KB, a token response with large ID tokens about 20.
MAX_ANSWER = 256 * 1024


class Answer:
    """What a provider answered. Its representation shows the status alone: the body may hold tokens."""

    __slots__ = ("body", "headers", "status", "url")

    def __init__(self, url: str, status: int, headers: HTTPHeaders, body: bytes) -> None:
        self.url = url
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def content_type(self) -> str:
        """The media type, in lower case, without parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body's JSON value. Raises `ProviderUnreachable` if it is none."""
        try:
            return json.loads(self.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            # Not the cause's text: it would repeat parts of the body.
            raise ProviderUnreachable(
                f"{self.url} answered {self.status} with something that is no JSON ({type(error).__name__})",
                self.status,
            ) from None

    def json_object(self) -> dict[str, Any]:
        """The body's JSON object. Raises `ProviderUnreachable` if it is none."""
        value = self.json()
        if not isinstance(value, dict):
            raise ProviderUnreachable(f"{self.url} answered with JSON that is no object", self.status)
        return value

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status} of {self.url}>"


class Transport:
    """Carries requests to providers by an `AsyncHTTPClient`: the one that the running loop shares, or ``http``."""

    __slots__ = ("_http", "max_answer", "timeout")

    max_answer: int
    timeout: float

    def __init__(
        self,
        http: AsyncHTTPClient | Callable[[], AsyncHTTPClient] | None = None,
        *,
        timeout: float = TIMEOUT,
        max_answer: int = MAX_ANSWER,
    ) -> None:
        self._http = http
        self.timeout = timeout
        self.max_answer = max_answer

    def client(self) -> AsyncHTTPClient:
        """The client that carries the next request."""
        http = self._http
        if http is None:
            return AsyncHTTPClient()
        return http if isinstance(http, AsyncHTTPClient) else http()

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET ``url``; see `send`."""
        return await self.send("GET", url, headers, None)

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """POST ``form`` to ``url``; see `send`."""
        fields = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return await self.send("POST", url, fields, urlencode(form).encode())

    async def send(self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None) -> Answer:
        """Send one request and return the answer, whatever its status (a redirect too: none is followed).

        Raises `ProviderUnreachable` if none comes within the time limit, or one that is larger than the limit.
        """
        shown = without_query(url)
        collected = _Collected(self.max_answer)
        request = HTTPRequest(
            url,
            method=method,
            headers={"Accept": "application/json", **(headers or {})},
            body=body,
            connect_timeout=self.timeout,
            request_timeout=self.timeout,
            follow_redirects=False,
            streaming_callback=collected.take,
        )
        try:
            response = await self.client().fetch(request, raise_error=False)
        except _TooLarge:
            raise ProviderUnreachable(f"{shown} answered with more than {self.max_answer} bytes") from None
        except (HTTPClientError, OSError) as error:
            if isinstance(error.__cause__, _TooLarge) or collected.too_large:
                raise ProviderUnreachable(f"{shown} answered with more than {self.max_answer} bytes") from None
            # The cause's own text would name the URL with its query.
            raise ProviderUnreachable(f"{shown} could not be asked: {type(error).__name__}") from None
        return Answer(shown, response.code, response.headers, collected.body() or response.body)


class _TooLarge(Exception):
    """The body has passed the limit; ends the fetch."""


class _Collected:
    """The body as it comes, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0
        self.too_large = False

    def take(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            self.too_large = True
            self._pieces.clear()
            raise _TooLarge
        self._pieces.append(piece)

    def body(self) -> bytes:
        return b"".join(self._pieces)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
