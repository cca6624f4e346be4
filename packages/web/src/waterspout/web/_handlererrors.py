"""What a handler answers, and logs, where something goes wrong."""

from __future__ import annotations

import asyncio
import traceback
from asyncio import CancelledError, Task
from types import TracebackType
from typing import Any

from waterspout import escape
from waterspout.httputil import HTTPInputError, responses
from waterspout.iostream import StreamClosedError
from waterspout.log import app_log, gen_log
from waterspout.util import is_tornado_compat
from waterspout.web._errors import Finish, HTTPError
from waterspout.web._handlerconnection import HandlerConnection
from waterspout.web._requestdump import request_dump
from waterspout.web._response import has_no_content

__all__ = ["HandlerErrors"]


class HandlerErrors(HandlerConnection):
    """A part of `RequestHandler`; see there."""

    _took_too_long = False

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with an error page and finish. What was written and not flushed is dropped.

        *kwargs* are given to `write_error`. Once the head has left, the connection is closed instead.
        """
        if self._headers_written:
            gen_log.error("Cannot send error response after headers written")
            if not self._finished:
                self._abort_response()
            return
        self.clear()
        raised = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        own_reason = raised.reason if isinstance(raised, HTTPError) else None
        try:
            self.set_status(status_code, own_reason or kwargs.get("reason"))
        except (TypeError, ValueError):  # there is no such status, so that it is an error of the application itself
            app_log.error("Cannot answer with status %r", status_code, exc_info=True)
            status_code = 500
            self.set_status(status_code)
        if isinstance(raised, HTTPError) and raised.headers:
            for name, value in raised.headers.items():
                self.set_header(name, value)
        try:
            self.write_error(status_code, **kwargs)
        except Exception:
            app_log.error("Uncaught exception in write_error", exc_info=True)
        if not self._finished:
            self._finish_unasked()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write an error page: override it for your own. ``exc_info`` in *kwargs* is what was raised, if anything.

        With the setting ``serve_traceback`` clients on this machine get the debug page: source, variables, request and
        routes, as HTML, JSON or text. (With ``compat="tornado"`` everybody gets the traceback as text.)
        """
        if "exc_info" in kwargs and self._shows_errors():
            if is_tornado_compat(self._compat()):
                self.set_header("Content-Type", "text/plain")
                self.write("".join(traceback.format_exception(*kwargs["exc_info"])))
            else:
                from waterspout.web._debugpage import write_debug_page  # only while something is developed

                write_debug_page(self._whole, status_code, kwargs["exc_info"][1])
            self._finish_unasked()
        elif has_no_content(status_code):
            self._finish_unasked()
        elif self._writes_problems(kwargs):
            self._finish_unasked()
        else:
            phrase = escape.xhtml_escape(self._own_reason or responses.get(status_code, "Unknown"))
            title = f"{status_code}: {phrase}"
            self.write(f"<html><title>{title}</title><body>{title}</body></html>")
            self._finish_unasked()

    def _writes_problems(self, kwargs: dict[str, Any]) -> bool:
        """Write a problem document, where one was raised or the setting ``problem_json`` is on; whether it did."""
        raised = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        if not isinstance(raised, HTTPError) or raised.document is None:
            if not self.settings.get("problem_json"):
                return False
        from waterspout.web._problem import write_problem  # only where it is asked for

        return write_problem(self._whole, raised)

    def _shows_errors(self) -> bool:
        if not self.settings.get("serve_traceback"):
            return False
        if is_tornado_compat(self._compat()):
            return True
        from waterspout.web._debugpage import may_see  # only while something is developed

        return may_see(self._whole)

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Log what was raised: HTTPErrors with a message as warnings, without traceback; anything else as an error.

        Where the debug page has it all (see `write_error`), the log has a few lines: the error and where it came from.
        """
        where = self._request_summary()
        if not isinstance(value, HTTPError):
            if value is not None and self._shows_errors() and not is_tornado_compat(self._compat()):
                from waterspout.web._debugpage import short_report  # only while something is developed

                app_log.error("Uncaught exception %s", short_report(self._whole, value))
                return
            exc_info: Any = (typ, value, tb)
            app_log.error(
                "Uncaught exception %s\n%s", where, request_dump(self.request, self.request.uri), exc_info=exc_info
            )
        elif message := value.get_message():
            gen_log.warning("%d %s: %s", value.status_code, where, message)

    def _handle_request_exception(self, error: Exception) -> None:
        """Turn what a method raised into an answer; called in the ``except`` clause."""
        if isinstance(error, Finish):
            if not self._finished:
                self.finish(*error.args)
            return
        if isinstance(error, HTTPInputError):  # arguments that are read late are refused late
            error = HTTPError(error.status, "%s", error)
        if isinstance(error, StreamClosedError) and self._client_is_gone():
            self._end_quietly()
            return
        if isinstance(error, TypeError):
            from waterspout.web._mistakes import explain_call  # only when it may have happened

            explain_call(self, error)
        exc_info = (type(error), error, error.__traceback__)
        try:
            self.log_exception(*exc_info)
        except Exception:
            app_log.error("Error in exception logger", exc_info=True)
        if self._finished:
            return
        self.send_error(error.status_code if isinstance(error, HTTPError) else 500, exc_info=exc_info)

    def _handle_cancellation(self, error: CancelledError) -> None:
        """Answer 500 where cancellation ended the handler: quietly if the client has left, which is the usual reason.

        Something that the handler waited for and that was cancelled is an error like others. A cancelled task is not,
        and it stays cancelled: *error* is raised again.
        """
        task = asyncio.current_task()
        wanted = task is not None and task.cancelling() > 0
        status = 503 if self._took_too_long else 500
        if not self._finished:
            if self._client_is_gone():
                self._end_quietly()
            else:
                exc_info = (type(error), error, error.__traceback__)
                if not wanted:
                    self.log_exception(*exc_info)
                self.send_error(status, exc_info=exc_info)
        if wanted:
            raise error

    def _end_within(self, seconds: float, task: Task[Any]) -> None:
        """Cancel *task*, in which the handler waits, after that time: the setting ``handler_timeout``."""
        timer = task.get_loop().call_later(seconds, self._time_out, task)
        task.add_done_callback(lambda done: timer.cancel())

    def _time_out(self, task: Task[Any]) -> None:
        """The setting ``handler_timeout`` has passed."""
        if not self._finished and not task.done():
            self._took_too_long = True
            gen_log.warning("503 %s: the handler takes longer than handler_timeout", self._request_summary())
            task.cancel()
