"""One request of a WSGI application that runs in a thread: its body streams in, its response streams out.

What the application yields is handed to the loop at once (PEP 3333 forbids to hold it back), and what has come together
until the loop takes it is sent in one piece. The application waits while `HIGH_WATER` bytes of its response are on
their way.
"""

from __future__ import annotations

import asyncio
import contextvars
import io
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from waterspout.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest, RequestStartLine, ResponseStartLine
from waterspout.iostream import StreamClosedError
from waterspout.log import app_log
from waterspout.wsgi._head import make_head
from waterspout.wsgi._input import HIGH_WATER, ArrivingBody, ClientLeft

__all__ = ["ThreadedExchange"]


class ThreadedExchange(HTTPMessageDelegate):
    """Serves *request*; `ended` is done with the status when the application has been closed."""

    def __init__(self, request: HTTPServerRequest) -> None:
        self._loop = asyncio.get_running_loop()
        self._request = request
        self._connection: Any = request.connection
        self._body: ArrivingBody | None = (
            None if request.complete else ArrivingBody(self._loop, expected=bool(request.expect_continue))
        )
        self.ended: asyncio.Future[int] = self._loop.create_future()
        #: What the two threads share, below this lock.
        self._changed = threading.Condition()
        self._head: tuple[str, list[tuple[str, str]]] | None = None
        self._head_sent = False
        self._parts: list[bytes] = []
        self._unsent = 0
        self._scheduled = False
        self._whole = False  # the application has nothing more to say
        self._failed = False
        self._gone = False
        self._length: int | None = None
        # On the loop alone.
        self._status = 500
        self._started = self._finished = False

    def start(self, executor: Executor, application: Callable[..., Any], environ: dict[str, Any]) -> None:
        """Run *application* in *executor*."""
        if self._body is None:
            self._connection.set_close_callback(self.on_connection_close)
        else:
            environ["wsgi.input"] = io.BufferedReader(self._body, 64 * 1024)
            environ["wsgi.input_terminated"] = True
        executor.submit(contextvars.copy_context().run, self._run, application, environ)

    # The request's body, on the loop.

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> asyncio.Future[None] | None:
        """A client that waits for ``100 Continue`` gets it when the application reads, or never (PEP 3333)."""
        return None if self._body is None else self._body.wanted

    def data_received(self, chunk: bytes) -> asyncio.Future[None] | None:
        """See `HTTPMessageDelegate`; waits while the application has enough to read."""
        assert self._body is not None
        return self._body.feed(chunk)

    def finish(self) -> None:
        """See `HTTPMessageDelegate`."""
        assert self._body is not None
        if not self._finished:
            self._connection.set_close_callback(self.on_connection_close)
        self._body.end()

    def on_connection_close(self) -> None:
        """The client left: the application hears of it when it reads or yields."""
        if self._body is not None:
            self._body.end(lost=True)
        with self._changed:
            self._gone = True
            self._changed.notify()

    # The application, in its thread.

    def _run(self, application: Callable[..., Any], environ: dict[str, Any]) -> None:
        result: Any = None
        try:
            if not self._gone:
                result = application(environ, self._start_response)
                self._take(result)
        except ClientLeft:
            pass  # nobody is there to answer, and the access log says what was asked
        except BaseException:
            app_log.error(
                "Uncaught exception of the WSGI application: %s %s",
                self._request.method,
                self._request.uri,
                exc_info=True,
            )
            self._failed = True
        finally:
            try:
                if hasattr(result, "close"):
                    result.close()
            except Exception:
                app_log.error("Exception in close() of what the WSGI application returned", exc_info=True)
            with self._changed:
                self._whole = True
                self._schedule()

    def _take(self, result: Any) -> None:
        if isinstance(result, (list, tuple)):  # all there: its length is known
            with self._changed:
                if not self._parts and not self._head_sent:
                    self._length = sum(map(len, result))
        for part in result:
            self._put(part)
        if self._head is None:
            raise AssertionError("the WSGI application did not call start_response")

    def _start_response(self, status: str, fields: list[tuple[str, str]], exc_info: Any = None) -> Any:
        with self._changed:
            if exc_info is not None:
                if self._head_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            elif self._head is not None:
                raise AssertionError("start_response was called twice")
            self._head = (status, fields)
        return self._put

    def _put(self, part: bytes) -> None:
        if not isinstance(part, bytes):
            raise TypeError(f"a WSGI application must yield bytes, not {type(part).__name__}")
        if self._head is None:
            raise AssertionError("the WSGI application did not call start_response before its body")
        if not part:
            return
        with self._changed:
            while self._unsent > HIGH_WATER and not self._gone:
                self._changed.wait()
            if self._gone:
                raise ClientLeft("the client has left")
            self._parts.append(part)
            self._unsent += len(part)
            self._head_sent = True
            self._schedule()

    def _schedule(self) -> None:
        if self._scheduled:
            return
        self._scheduled = True
        try:
            self._loop.call_soon_threadsafe(self._send)
        except RuntimeError:  # the loop has been closed: so have all its connections
            self._gone = True

    # The response, on the loop.

    def _send(self) -> None:
        with self._changed:
            parts, self._parts = self._parts, []
            whole, failed, gone, head, length = self._whole, self._failed, self._gone, self._head, self._length
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        try:
            written = None if gone else self._write(head, data, length, whole, failed)
        except StreamClosedError:
            self.on_connection_close()
            written = None
        except Exception:  # what HTTP cannot carry, or a status that is none
            app_log.error(
                "Cannot send the response of the WSGI application: %s %s",
                self._request.method, self._request.uri, exc_info=True,
            )  # fmt: skip
            if self._started:
                self._cut()
            else:
                self._answer_500()
            self.on_connection_close()
            written = None
        if whole:
            self._finished = True
            if self._body is not None:
                self._body.end()
            if not self.ended.done():
                self.ended.set_result(self._status)
        elif written is None or written.done():
            self._sent(len(data))
        else:
            written.add_done_callback(lambda future: self._sent(len(data), future))

    def _sent(self, count: int, future: asyncio.Future[None] | None = None) -> None:
        if future is not None and (future.cancelled() or future.exception() is not None):
            self.on_connection_close()
        with self._changed:
            self._unsent -= count
            self._scheduled = False
            if self._parts or self._whole:
                self._schedule()
            self._changed.notify()

    def _write(self, head: Any, data: bytes, length: int | None, whole: bool, failed: bool) -> Any:
        connection = self._connection
        written = None
        if failed and not self._started and not data:
            self._answer_500()
            return None
        if not self._started:
            if whole and not failed and length is None:
                length = len(data)
            status, headers, line = make_head(head, length)
            written = connection.write_headers(line, headers, data)
            self._status = status
            self._started = True
        elif data:
            written = connection.write(data)
        if failed:
            self._cut()  # the client must see that the response is cut short
        elif whole:
            connection.finish()
        return written

    def _answer_500(self) -> None:
        self._connection.write_headers(
            ResponseStartLine("HTTP/1.1", 500, "Internal Server Error"), HTTPHeaders({"Content-Length": "0"})
        )
        self._connection.finish()

    def _cut(self) -> None:
        """What has been made still goes out; its end is missing, and the client sees that."""
        stream = getattr(self._connection, "stream", None)
        if stream is not None:
            stream.close_after_flush()
