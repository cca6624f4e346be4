"""CurlAsyncHTTPClient: Tornado's interface to libcurl."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

from waterspout.curl_httpclient._library import pycurl
from waterspout.curl_httpclient._multi import Multi
from waterspout.curl_httpclient._options import CR_OR_LF_RE, configure
from waterspout.curl_httpclient._transfer import CurlHead, Transfer
from waterspout.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from waterspout.httpclient._base import FetchFuture
from waterspout.httpclient._request import PLAIN_SIZE
from waterspout.httpclient._settings import Settings
from waterspout.log import app_log
from waterspout.util import is_tornado_compat

__all__ = ["CR_OR_LF_RE", "CurlAsyncHTTPClient", "CurlError", "curl_log"]

curl_log: logging.Logger = logging.getLogger("waterspout.curl_httpclient")


class CurlError(HTTPClientError):
    """libcurl could not carry the request out. `errno` is its number for the reason: ``pycurl.E_...``."""

    __module__ = "waterspout.curl_httpclient"

    errno: int

    def __init__(self, errno: int, message: str) -> None:
        super().__init__(599, message)
        self.errno = errno


class CurlAsyncHTTPClient(AsyncHTTPClient):
    """An `AsyncHTTPClient` on libcurl: ``AsyncHTTPClient.configure("waterspout.curl_httpclient.CurlAsyncHTTPClient")``.

    * ``max_clients`` (10): transfers at once; others wait in line.
    * ``max_body_size`` (100 MiB): bytes of a response's body after decompression.
    * ``defaults``: for what requests leave open.

    It cannot do ``body_producer``, ``ssl_options``, coroutines as ``streaming_callback`` and what this package adds
    to Tornado's options beside ``proxy`` and ``unix_socket``.
    """

    __module__ = "waterspout.curl_httpclient"

    is_compat: bool

    max_body_size: int

    def initialize(  # type: ignore[override]  # each implementation has its own keywords
        self,
        max_clients: int = 10,
        defaults: dict[str, Any] | None = None,
        max_body_size: int = 104857600,
        *,
        compat: str | None = None,
    ) -> None:
        """See the class."""
        super().initialize(defaults=defaults)
        self.max_body_size = max_body_size
        self.compat = compat
        self.is_compat = is_tornado_compat(compat)
        self._user_agent = "Mozilla/5.0 (compatible; pycurl)" if self.is_compat else "Waterspout"
        # A subclass that defines its own fetch_impl expects requests with all defaults filled in.
        self._fills_in = type(self).fetch_impl is CurlAsyncHTTPClient.fetch_impl
        self.time = monotonic
        self._multi = Multi(self.io_loop.asyncio_loop, self._finished)
        self._transfers = [Transfer(self) for _ in range(max_clients)]
        self._free = self._transfers[::-1]
        self._waiting: deque[tuple[HTTPRequest, Settings, bool, Callable[[HTTPResponse], None], float]] = deque()

    def close(self) -> None:
        """End all transfers and free the handles; fetches under way fail."""
        if self._closed:
            return
        super().close()
        under_way = [transfer for transfer in self._transfers if transfer.answer is not None]
        for transfer in under_way:
            self._multi.remove(transfer.handle)
        for transfer in under_way:
            self._answer_error(transfer, CurlError(pycurl.E_ABORTED_BY_CALLBACK, "the client was closed"))
        for request, _, _, callback, _ in self._waiting:
            callback(HTTPResponse(request, 599, error=CurlError(pycurl.E_ABORTED_BY_CALLBACK, "the client was closed")))
        self._waiting.clear()
        self._free.clear()
        for transfer in self._transfers:
            transfer.keep_times()
            transfer.handle.close()
            # The handle refers to the transfer and its callbacks, they to it.
            transfer.handle = None
        self._multi.close()

    def fetch_impl(self, request: HTTPRequest, callback: Callable[[HTTPResponse], None]) -> None:
        """Carry *request* out and call *callback* with the response."""
        request = getattr(request, "original_request", request)
        is_plain = len(request.__dict__) == PLAIN_SIZE and request.__class__ is HTTPRequest
        settings = self.settings_source.plain() if is_plain else self.settings_source.of(request)
        owner = getattr(callback, "__self__", None)
        if not self._free:
            entry = (request, settings, is_plain, callback, self.time())
            self._waiting.append(entry)
            if owner.__class__ is FetchFuture and not self.is_compat:
                owner.abort = lambda: self._give_up(entry)
            return
        self._start(request, settings, is_plain, callback, self.time())

    def handle_callback_exception(self, callback: Any) -> None:
        """Log the exception that *callback* has just raised."""
        app_log.error("Exception in callback %r", callback, exc_info=True)

    def _start(
        self,
        request: HTTPRequest,
        settings: Settings,
        is_plain: bool,
        callback: Callable[[HTTPResponse], None],
        queued: float,
    ) -> None:
        transfer = self._free.pop()
        transfer.begin(request, settings, callback, queued)
        try:
            configure(transfer, is_plain, self._user_agent, self.compat)
        except Exception as error:
            self._answer_error(transfer, error)
            return
        owner = getattr(callback, "__self__", None)
        if owner.__class__ is FetchFuture and not self.is_compat:
            owner.abort = lambda: self._abort(transfer, request)
        self._multi.add(transfer.handle)

    def _give_up(self, entry: Any) -> None:
        if entry in self._waiting:
            self._waiting.remove(entry)

    def _abort(self, transfer: Transfer, request: HTTPRequest) -> None:
        """Nobody waits for the response any more."""
        if transfer.answer is not None and transfer.request is request:
            self._multi.abandon(transfer.handle)
            transfer.finish()
            self._free.append(transfer)
            self._start_waiting()

    def _finished(self, handle: Any, number: int, text: str) -> None:
        """libcurl has ended a transfer."""
        transfer: Transfer = handle.transfer
        self._multi.remove(handle)
        if transfer.answer is None:
            return
        if number == 0:
            self._answer_response(transfer)
        elif transfer.error is not None:
            self._answer_error(transfer, transfer.error)
        elif transfer.too_large:
            self._answer_error(
                transfer, CurlError(number, f"body exceeded max_body_size of {self.max_body_size} bytes")
            )
        else:
            self._answer_error(transfer, CurlError(number, text or pycurl_error_name(number)))

    def _answer_response(self, transfer: Transfer) -> None:
        handle = transfer.handle
        url = handle.getinfo(pycurl.EFFECTIVE_URL)
        head: Any = CurlHead(transfer.head_lines.copy())
        head.status = handle.getinfo(pycurl.RESPONSE_CODE)
        response = HTTPResponse.received(transfer.request, head, transfer.chunks, url)
        response.start_time = transfer.start_time
        response.request_time = self.time() - transfer.begun
        response._timing = transfer.times()
        self._free_and_answer(transfer, response)

    def _answer_error(self, transfer: Transfer, error: BaseException) -> None:
        response = HTTPResponse(transfer.request, 599, error=error)
        response.start_time = transfer.start_time
        response.request_time = self.time() - transfer.begun
        response.time_info = {"queue": transfer.begun - transfer.queued}
        transfer.key = None  # whatever was set half-way is set anew
        self._free_and_answer(transfer, response)

    def _free_and_answer(self, transfer: Transfer, response: HTTPResponse) -> None:
        answer = transfer.answer
        transfer.finish()
        if not self._closed:
            self._free.append(transfer)
            self._start_waiting()
        if answer is None:
            return
        try:
            answer(response)
        except Exception:
            self.handle_callback_exception(answer)

    def _start_waiting(self) -> None:
        while self._waiting and self._free and not self._closed:
            self._start(*self._waiting.popleft())


def pycurl_error_name(number: int) -> str:
    """What pycurl calls an error number, for those that libcurl says nothing about."""
    return next(
        (name for name, value in vars(pycurl).items() if name.startswith("E_") and value == number), f"error {number}"
    )
