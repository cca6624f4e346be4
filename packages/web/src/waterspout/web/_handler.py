"""RequestHandler: the base class of what answers a request.

It has many methods because they are its public and overridable surface; they stand in the files of its parts
(``_handler*.py``), each a few lines that call a function in a file of its own: how a handler is run is in
``_execution.py``, how its response leaves in ``_response.py``.
"""

from __future__ import annotations

import asyncio
from asyncio import Future, Task
from typing import TYPE_CHECKING, Any

from waterspout.httputil import HTTPServerRequest
from waterspout.log import app_log
from waterspout.web._execution import drive, run_all
from waterspout.web._handlererrors import HandlerErrors

if TYPE_CHECKING:
    from waterspout.web._application import Application
    from waterspout.web._decorators import Reading
    from waterspout.web._transform import OutputTransform

__all__ = ["RequestHandler"]


class RequestHandler(HandlerErrors):
    """Base class for HTTP request handlers; one object serves one request.

    Subclasses define methods named for the HTTP methods they support. Each may be plain or ``async``; the order is
    `initialize`, `prepare`, the method, `on_finish`. What `write` collects is sent when the method is done.
    """

    __module__ = "waterspout.web"

    SUPPORTED_METHODS: tuple[str, ...] = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    _auto_finish = True
    _prepared: Future[None] | None = None
    _reads_body: Reading | None = None

    def __init__(self, application: Application, request: HTTPServerRequest, **kwargs: Any) -> None:
        self._set_up(application, request)
        self.initialize(**kwargs)

    def _set_up(self, application: Application, request: HTTPServerRequest) -> None:
        """What is done for each request before `initialize`."""
        self.application = application
        self.request = request
        self._headers_written = self._finished = False
        self._auto_finish = True
        self._transforms = self._new_cookie = None
        self.clear()

    # Running. The straight way is in _execution.py; this is for classes, and instruments, that put their own around it.

    async def _execute(self, transforms: list[OutputTransform], *args: Any, **kwargs: Any) -> None:
        """Run the whole request in the current task."""
        self._transforms = transforms
        await drive(self, run_all(self, self.application._plan_of(type(self)), args, kwargs))

    def _execute_in_task(self, args: Any, kwargs: dict[str, Any]) -> None:
        """For classes whose `_execute` is not ours."""
        coroutine: Any = self._execute(self.application._make_transforms(self.request), *args, **kwargs)
        self._watch_connection()
        self._task = task = asyncio.ensure_future(coroutine)
        task.add_done_callback(self._task_done)
        if self.application.handler_timeout is not None:
            self._end_within(self.application.handler_timeout, task)

    def _task_done(self, task: Task[None]) -> None:
        self._task = None
        if not task.cancelled() and task.exception() is not None:
            app_log.error("Uncaught exception in _execute of %r", type(self), exc_info=task.exception())

    def _body_wanted(self) -> None:
        """`prepare` is done: let the pieces of a streamed body come."""
        prepared = self._prepared
        if prepared is not None and not prepared.done():
            prepared.set_result(None)


# The base class's own method, to be compared with what a subclass has.
plain_init = RequestHandler.__init__
