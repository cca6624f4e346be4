"""The way of a request whose parts come one by one, or whose route is not a plain handler class."""

from __future__ import annotations

import asyncio
from asyncio import Future
from typing import TYPE_CHECKING, Any

from waterspout.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest, RequestStartLine, ResponseStartLine

if TYPE_CHECKING:
    from waterspout.web._application import Application
    from waterspout.web._decorators import Reading
    from waterspout.web._handler import RequestHandler

__all__ = ["HandlerDelegate"]


class HandlerDelegate(HTTPMessageDelegate):
    """Receives one request for a handler class.

    For a class under `stream_request_body` the handler is made and run when the head has come: ``prepare`` sees no
    body, each piece goes to ``data_received``, and the method runs when the body is whole. Otherwise the body is
    collected first.

    Applications that override `Application.find_handler` look at what theirs found by these attributes.
    """

    __slots__ = (
        "_handler", "_parts", "application", "handler_class", "handler_kwargs", "path_args", "path_kwargs", "request"
    )  # fmt: skip

    application: Application
    request: HTTPServerRequest
    handler_class: type[RequestHandler]
    handler_kwargs: dict[str, Any]
    path_args: list[Any]
    path_kwargs: dict[str, Any]

    def __init__(
        self,
        application: Application,
        request: HTTPServerRequest,
        handler_class: type[RequestHandler],
        handler_kwargs: dict[str, Any] | None,
        path_args: list[Any] | None,
        path_kwargs: dict[str, Any] | None,
    ) -> None:
        self.path_args, self.path_kwargs = path_args or [], path_kwargs or {}
        self.handler_class, self.handler_kwargs = handler_class, handler_kwargs or {}
        self.request = request
        self.application = application
        self._parts: list[bytes] = []
        self._handler: RequestHandler | None = None

    @property
    def streams(self) -> bool:
        """Whether the handler wants the body in pieces."""
        return self.handler_class._streams_body

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Future[None] | None:
        if self.handler_class._streams_body:
            return self.application._context_of(self.request).run(self._start_streaming)
        return None

    def _start_streaming(self) -> Future[None] | None:
        loop = asyncio.get_running_loop()
        handler = self._make_handler()
        reading = self.handler_class._reads_body
        if reading is None:
            handler._body_complete = loop.create_future()
        else:
            self._open_body(handler, reading)
        handler._prepared = loop.create_future()
        prepared = handler._prepared
        handler._watch_connection()
        transforms = self.application._make_transforms(self.request)
        coroutine = handler._execute(transforms, *self.path_args, **self.path_kwargs)
        task = loop.create_task(coroutine)
        if not task.done():
            handler._task = task
            task.add_done_callback(_body_no_longer_wanted(prepared))
        return prepared

    def _open_body(self, handler: RequestHandler, reading: Reading) -> None:
        from waterspout.web._bodyreader import BodyReader  # only where handlers read bodies themselves

        handler._body_reader = BodyReader(reading.max_body_size)
        connection: Any = self.request.connection
        if reading.max_body_size is not None and hasattr(connection, "set_max_body_size"):
            connection.set_max_body_size(reading.max_body_size)

    def data_received(self, chunk: bytes) -> Any:
        handler = self._handler
        if handler is None:
            self._parts.append(chunk)
            return None
        if handler._finished:
            return None
        if handler._body_reader is not None:
            return handler._body_reader.data_received(chunk)
        return handler.data_received(chunk)

    def finish(self) -> None:
        handler = self._handler
        if handler is not None:
            if handler._body_reader is not None:
                handler._body_reader.end()
            elif handler._body_complete is not None and not handler._body_complete.done():
                handler._body_complete.set_result(None)
            return
        if self._parts:
            self.request.body = b"".join(self._parts)
        self.execute()

    def on_connection_close(self) -> None:
        handler = self._handler
        if handler is not None:
            handler._connection_lost()

    def execute(self) -> None:
        """Make the handler and run it with the request as it is."""
        application = self.application
        plan = application._plan_of(self.handler_class)
        context = application._context_of(self.request)
        context.run(application._run, plan, self.handler_kwargs, self.request, self.path_args, self.path_kwargs)

    def _make_handler(self) -> RequestHandler:
        self._handler = handler = self.handler_class(self.application, self.request, **self.handler_kwargs)
        return handler


def _body_no_longer_wanted(prepared: Future[None]) -> Any:
    def let_it_flow(_: Any) -> None:
        if not prepared.done():
            prepared.set_result(None)

    return let_it_flow
