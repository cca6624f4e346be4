"""RecordedHTTPClient: real answers once, the same from a file ever after."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from waterspout.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from waterspout.httpclient.mock._handler import respond
from waterspout.httputil import HTTPHeaders

#: Never written down: recordings end up in repositories.
_SECRET = frozenset({"Authorization", "Cookie", "Proxy-Authorization", "Set-Cookie", "X-Api-Key"})


class UnknownRequestError(LookupError):
    """A request that the recording does not hold, and no client to ask."""

    __module__ = "waterspout.httpclient.mock"


class RecordedHTTPClient(AsyncHTTPClient):
    """Answers from a JSON file; what is not in it is fetched by *client* and added.

    ::

        http = RecordedHTTPClient("tests/answers.json", client=AsyncHTTPClient())

    Without *client* an unknown request is an `UnknownRequestError`: so tests run in CI. Requests are the same if
    method, URL and body are; several answers to the same request are given in the order of their recording, the last
    one again and again. Headers with credentials are not recorded.
    """

    __module__ = "waterspout.httpclient.mock"

    def __new__(cls, path: str | Path, client: AsyncHTTPClient | None = None, **kwargs: Any) -> RecordedHTTPClient:
        return super().__new__(cls, force_instance=True, path=path, client=client, **kwargs)  # type: ignore[return-value]

    def initialize(  # type: ignore[override]  # each implementation has its own keywords
        self, path: str | Path, client: AsyncHTTPClient | None = None, defaults: dict[str, Any] | None = None
    ) -> None:
        """See the class. Raises ValueError for a file that is no recording."""
        super().initialize(defaults=defaults)
        self._path = Path(path)
        self._client = client
        self._given: dict[str, int] = {}
        self._entries: list[dict[str, Any]] = []
        if self._path.exists():
            loaded = json.loads(self._path.read_text("utf-8"))
            if not isinstance(loaded, list):
                raise ValueError(f"{self._path} is no recording of requests")
            self._entries = loaded

    def fetch_impl(self, request: HTTPRequest, callback: Callable[[HTTPResponse], None]) -> None:
        """Answer from the recording, in the next turn, or fetch and record."""
        key = _key(request)
        known = [entry for entry in self._entries if entry["request"] == key]
        given = self._given.get(json.dumps(key), 0)
        if known and (given < len(known) or self._client is None):
            self._given[json.dumps(key)] = given + 1
            entry = known[min(given, len(known) - 1)]
            self.io_loop.asyncio_loop.call_soon(callback, _replayed(request, entry["response"]))
        elif known:
            self.io_loop.asyncio_loop.call_soon(callback, _replayed(request, known[-1]["response"]))
        elif self._client is None:
            error = UnknownRequestError(
                f"{request.method} {request.url} is not in {self._path}, and there is no client"
            )
            self.io_loop.asyncio_loop.call_soon(callback, HTTPResponse(request, 599, error=error))
        else:
            original = getattr(request, "original_request", request)
            future = self._client.fetch(original, raise_error=False)
            future.add_done_callback(lambda done: self._record(request, key, done, callback))

    def _record(
        self, request: HTTPRequest, key: dict[str, Any], done: Any, callback: Callable[[HTTPResponse], None]
    ) -> None:
        error = done.exception() if not done.cancelled() else None
        if done.cancelled() or error is not None:
            callback(HTTPResponse(request, 599, error=error))
            return
        response = done.result()
        self._entries.append({"request": key, "response": _recorded(response)})
        self._given[json.dumps(key)] = len([entry for entry in self._entries if entry["request"] == key])
        self._path.write_text(json.dumps(self._entries, indent=1, ensure_ascii=False) + "\n", "utf-8")
        callback(response)


def _key(request: HTTPRequest) -> dict[str, Any]:
    key: dict[str, Any] = {"method": request.method, "url": request.url}
    if request.body:
        key["body"] = _as_text(request.body)
    return key


def _recorded(response: HTTPResponse) -> dict[str, Any]:
    headers = [[name, value] for name, value in response.headers.get_all() if name not in _SECRET]
    return {
        "code": response.code,
        "reason": response.reason,
        "url": response.effective_url,
        "headers": headers,
        "body": _as_text(response.body),
    }


def _replayed(request: HTTPRequest, entry: dict[str, Any]) -> HTTPResponse:
    made = respond(request, entry["code"], reason=entry["reason"])
    made.headers = HTTPHeaders.from_pairs((name, value) for name, value in entry["headers"])
    made.effective_url = entry["url"]
    made.buffer = BytesIO(_as_bytes(entry["body"]))
    return made


def _as_text(data: bytes) -> Any:
    """Text where it is text, so that recordings can be read and reviewed."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


def _as_bytes(value: Any) -> bytes:
    return value.encode("utf-8") if isinstance(value, str) else base64.b64decode(value["base64"])
