"""Serving a WSGI application from an `HTTPServer`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import Any

from waterspout.concurrent import dummy_executor
from waterspout.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest, ResponseStartLine
from waterspout.iostream import StreamClosedError
from waterspout.log import access_log, app_log
from waterspout.wsgi._environ import make_environ
from waterspout.wsgi._head import make_head
from waterspout.wsgi._threaded import ThreadedExchange

__all__ = ["WSGIContainer"]

#: Bytes of body that are gathered from a WSGI iterable before they are handed to the loop and sent.
STEP = 64 * 1024


class _Call:
    """One call of the application: what it passed to start_response, and its body as far as it has been taken."""

    def __init__(self, application: Callable[..., Any], environ: dict[str, Any]) -> None:
        self.head: tuple[str, list[tuple[str, str]]] | None = None
        self._written: list[bytes] = []
        self._result: Iterable[bytes] = application(environ, self._start_response)
        self._parts: Iterator[bytes] = iter(self._result)

    def _start_response(self, status: str, fields: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if self.head is not None and exc_info is None:
            raise AssertionError("start_response was called twice")
        self.head = (status, fields)
        return self._written.append

    def take(self) -> tuple[bytes, bool]:
        """The next piece of the body, and whether there is no more. Runs the application's own code."""
        size = sum(map(len, self._written))
        for part in self._parts:
            self._written.append(part)
            size += len(part)
            if size >= STEP:
                break
        else:
            return self._taken(), True
        return self._taken(), False

    def _taken(self) -> bytes:
        data = b"".join(self._written)
        self._written.clear()
        return data

    def close(self) -> None:
        """PEP 3333: called however the response ended. What it raises is logged: everything is sent already."""
        close = getattr(self._result, "close", None)
        if close is not None:
            try:
                close()
            except Exception:
                app_log.error("Exception in close() of what the WSGI application returned", exc_info=True)


class WSGIContainer:
    """Makes a WSGI application callable as an `HTTPServer`'s request callback.

    WSGI is synchronous: without an *executor* the application blocks the loop while it runs, and gets its request body
    whole. With a ``concurrent.futures.ThreadPoolExecutor`` it runs in a thread, as many at a time as the pool has; the
    rest of the requests wait. Then bodies stream both ways: ``wsgi.input`` waits for what has not come yet, what the
    application yields is sent at once, and each side is slowed down by the other, with 64 KiB between them. (Request
    bodies of unknown length are collected first, as most frameworks need CONTENT_LENGTH.) A client that asks first
    (``Expect: 100-continue``) is told to send when the application reads. If the client leaves, reading
    and yielding raise a ConnectionAbortedError; ``close`` is called in any case.
    """

    __module__ = "waterspout.wsgi"

    wsgi_application: Callable[..., Any]
    executor: Executor

    def __init__(self, wsgi_application: Callable[..., Any], executor: Executor | None = None) -> None:
        self.wsgi_application = wsgi_application
        self.executor = dummy_executor if executor is None else executor
        self._tasks: set[asyncio.Task[None]] = set()

    def open_request(self, request: HTTPServerRequest) -> HTTPMessageDelegate | None:
        """Serve a request whose body is still on its way (`waterspout.http1connection.HTTPApplication`)."""
        if self.executor is dummy_executor or request.content_length is None or _is_decoded(request):
            return None  # frameworks read as much as CONTENT_LENGTH says, and take its absence for an empty body
        return self._start(request)

    def serve_request(self, request: HTTPServerRequest) -> None:
        """Serve a whole *request*; returns at once."""
        if self.executor is not dummy_executor:
            self._start(request)
            return
        task = asyncio.get_running_loop().create_task(self.handle_request(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    __call__ = serve_request

    def _start(self, request: HTTPServerRequest) -> ThreadedExchange:
        exchange = ThreadedExchange(request)
        exchange.ended.add_done_callback(lambda ended: self._log(ended.result(), request))
        exchange.start(self.executor, self.wsgi_application, self.environ(request))
        return exchange

    async def handle_request(self, request: HTTPServerRequest) -> None:
        """Call the application and send what it answers; an exception of its own is a 500, logged."""
        if self.executor is not dummy_executor:
            await self._start(request).ended
            return
        call: _Call | None = None
        status = 500
        started = False
        try:
            call = _Call(self.wsgi_application, self.environ(request))
            body, ended = call.take()
            if call.head is None:
                raise AssertionError("the WSGI application did not call start_response")
            status, headers, line = make_head(call.head, len(body) if ended else None)
            written = request.connection.write_headers(line, headers, body)
            started = True
            await written
            while not ended:
                body, ended = call.take()
                if body:
                    await request.connection.write(body)  # waits for a slow client, and so does the application
            request.connection.finish()
        except StreamClosedError:
            pass  # the client left: nobody is there to answer, and the access log says what was asked
        except Exception:
            app_log.error(
                "Uncaught exception of the WSGI application: %s %s", request.method, request.uri, exc_info=True
            )
            self._fail(request, started)
        finally:
            if call is not None:
                call.close()
        self._log(status, request)

    def _fail(self, request: HTTPServerRequest, started: bool) -> None:
        if started:
            stream = getattr(request.connection, "stream", None)
            if stream is not None:
                stream.close()  # the client must see that the response is cut short
            return
        line = ResponseStartLine("HTTP/1.1", 500, "Internal Server Error")
        request.connection.write_headers(line, HTTPHeaders({"Content-Length": "0"}))
        request.connection.finish()

    def environ(self, request: HTTPServerRequest) -> dict[str, Any]:
        """The WSGI environment of *request*."""
        return make_environ(request, multithread=self.executor is not dummy_executor)

    def _log(self, status_code: int, request: HTTPServerRequest) -> None:
        level = logging.INFO if status_code < 400 else logging.WARNING if status_code < 500 else logging.ERROR
        summary = f"{request.method} {request.uri} ({request.remote_ip})"
        access_log.log(level, "%d %s %.2fms", status_code, summary, 1000.0 * request.request_time())


def _is_decoded(request: HTTPServerRequest) -> bool:
    """Whether the body that the application gets has another length than the client said."""
    params = getattr(request.connection, "params", None)
    return bool(getattr(params, "decompress", False)) and "Content-Encoding" in request.headers
