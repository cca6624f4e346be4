"""A handler whose client leaves, or whose connection has to be given up."""

from __future__ import annotations

from asyncio import Task
from typing import Any

from waterspout.log import app_log
from waterspout.web._handlerresponse import HandlerResponse

__all__ = ["HandlerConnection"]


class HandlerConnection(HandlerResponse):
    """A part of `RequestHandler`; see there."""

    #: Whether a waiting handler is cancelled when its client leaves; None leaves it to the setting of this name.
    cancel_on_disconnect: bool | None = None

    _task: Task[None] | None = None
    _client_left = False

    def _client_is_gone(self) -> bool:
        if self._client_left:
            return True
        stream = getattr(self.request.connection, "stream", None)
        return stream is not None and stream.closed()

    def _end_quietly(self) -> None:
        """Nobody is there to answer: count the request as finished, without a line in the log."""
        if not self._finished:
            self._tell_client_left()  # who waited for a flush hears of it first
            self._finished = True
            self._tell_finished()

    def _abort_response(self) -> None:
        """The response cannot be completed: close, so that the client sees that it is cut short (RW8)."""
        self._finished = True
        connection: Any = self.request.connection
        stream = getattr(connection, "stream", None)
        if stream is not None:
            self._client_left = True  # it is not the client that leaves: nobody is told
            stream.close()
        self._log()
        self._tell_finished()

    def _watch_connection(self) -> None:
        """Hear of it when the client leaves: from now on the handler waits."""
        connection: Any = self.request.connection
        set_close_callback = getattr(connection, "set_close_callback", None)
        if set_close_callback is not None and not self._finished:
            set_close_callback(self._connection_closed)

    def _connection_closed(self) -> None:
        """The client left before it had the response: the connection forgets its callback with the last of it.

        So this is also called where the handler has taken the loss for the end (a `flush` that failed) and finished.
        """
        if self._finished:
            self._tell_client_left()
        self._connection_lost()

    def _tell_client_left(self) -> None:
        if self._client_left:
            return
        self._client_left = True
        try:
            self.on_connection_close()
        except Exception:
            app_log.error("Exception in on_connection_close of %r", type(self), exc_info=True)

    def _connection_lost(self) -> None:
        """The client left. Heard both from the connection and from the body's delivery, told once."""
        over = self._finished or self._client_left
        if not over:
            self._tell_client_left()
        self._end_body()
        wanted = self.cancel_on_disconnect
        task = self._task
        if not over and task is not None and (self.settings.get("cancel_on_disconnect") if wanted is None else wanted):
            task.cancel()
