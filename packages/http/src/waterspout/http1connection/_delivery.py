"""Handing one message to an `HTTPMessageDelegate`, part by part, at the pace that it sets."""

from __future__ import annotations

from asyncio import Future
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from waterspout.concurrent import convert_yielded
from waterspout.http1 import Data, EndOfMessage, ResponseHead
from waterspout.httputil import HTTPMessageDelegate, HTTPServerRequest, RequestStartLine

__all__ = ["Delivery"]


class Delivery:
    """A message on its way to its delegate.

    `deliver` takes codec events. Where a delegate's method returns an awaitable, the events after it wait until it
    is done; `waiting` says so, and the owner pauses its stream meanwhile.

    `check_size` gets the bytes that a request's content is known to have, and whether its head says so, after the
    delegate has seen the head and may have changed the limit, and before anything is handed on: what it raises is as if
    the delegate had. `on_done` is
    called once: with None when the delegate's `finish` has returned, with the exception when one of its methods raised.
    It is not called after `abandon`.
    """

    __slots__ = ("_check_size", "_chunk_size", "_delegate", "_on_done", "_on_resume", "_queue", "_running", "waiting")

    def __init__(
        self,
        delegate: HTTPMessageDelegate,
        chunk_size: int | None,
        check_size: Callable[[int, bool], None],
        on_done: Callable[[BaseException | None], None],
        on_resume: Callable[[], None],
    ) -> None:
        self._delegate: HTTPMessageDelegate | None = delegate
        self._chunk_size = chunk_size
        self._check_size = check_size
        self._on_done = on_done
        self._on_resume = on_resume
        self._queue: deque[Any] = deque()
        self._running = False
        self.waiting: Future[Any] | None = None

    def deliver(self, events: Iterable[Any]) -> None:
        """Hand on *events*, now or when what is being waited for is done."""
        for event in events:
            if isinstance(event, HTTPServerRequest):
                self._queue.append(event)
                if event.content_length is not None:
                    self._queue.append((event.content_length, True))
                elif event.body:
                    self._queue.append((len(event.body), False))
                if event.body:  # it goes in pieces: the delegate has it from then on
                    self._queue_data(event.body)
                    event.body = b""
                if event.complete:
                    self._queue.append(EndOfMessage())
            elif isinstance(event, Data):
                self._queue_data(event.data)
            else:
                self._queue.append(event)
        if self.waiting is None and not self._running:
            self._run()

    def abandon(self) -> None:
        """The connection is gone: tell the delegate, unless it has had the whole message."""
        delegate, self._delegate = self._delegate, None
        self._queue.clear()
        if delegate is not None:
            delegate.on_connection_close()

    def _queue_data(self, data: bytes) -> None:
        size = self._chunk_size or len(data)
        if len(data) <= size:
            self._queue.append(Data(data))
        else:
            self._queue.extend(Data(data[i : i + size]) for i in range(0, len(data), size))

    def _run(self) -> None:
        self._running = True
        try:
            while self._queue and self._delegate is not None:
                result = self._hand_on(self._queue.popleft(), self._delegate)
                if result is not None:
                    future = convert_yielded(result)
                    if not future.done():
                        self.waiting = future
                        future.add_done_callback(self._resume)
                        return
                    future.result()
        except Exception as error:
            self._end(error)
        finally:
            self._running = False

    def _hand_on(self, event: Any, delegate: HTTPMessageDelegate) -> Any:
        if type(event) is Data:
            return delegate.data_received(event.data)
        if isinstance(event, HTTPServerRequest):
            line = RequestStartLine(event.method, event.uri, event.version)
            return delegate.headers_received(line, event.headers)
        if isinstance(event, ResponseHead):
            return delegate.headers_received(event.start_line, event.headers)
        if type(event) is tuple:
            return self._check_size(*event)
        self._delegate = None  # it has had the whole message, whatever finish() does to the connection
        try:
            delegate.finish()
        except Exception:
            self._delegate = delegate
            raise
        self._on_done(None)
        return None

    def _resume(self, future: Future[Any]) -> None:
        self.waiting = None
        if self._delegate is None:
            if not future.cancelled():
                future.exception()  # seen: the message was abandoned while the delegate was busy
            return
        try:
            future.result()
        except BaseException as error:
            self._end(error)
            return
        self._run()
        if self.waiting is None:
            self._on_resume()

    def _end(self, error: BaseException) -> None:
        delegate, self._delegate = self._delegate, None
        self._queue.clear()
        self._on_done(error)
        if delegate is not None:
            delegate.on_connection_close()
