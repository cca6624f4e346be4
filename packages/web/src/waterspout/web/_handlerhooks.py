"""What subclasses of a request handler fill in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from waterspout.web._errors import HTTPError
from waterspout.web._handleretag import HandlerEtag

__all__ = ["HandlerHooks"]


class HandlerHooks(HandlerEtag):
    """A part of `RequestHandler`; see there."""

    def _initialize(self) -> None:
        """Take what the route's dictionary gives, as keyword arguments; called first. Must not be ``async``."""

    initialize: Callable[..., None] = _initialize

    def prepare(self) -> Awaitable[None] | None:
        """Called before the method, for every method. May be ``async``; the method is not called if it finishes."""
        return None

    def on_finish(self) -> Any:
        """Called when the response has been handed to the connection, for clean-up and logging; cannot answer.

        May be ``async``: it goes on in the background then, see `Application.spawn`.
        """

    def on_connection_close(self) -> None:
        """The client left while the handler was waiting. Not called after the response was finished.

        The place to cancel what a long poll waits for. See `cancel_on_disconnect` for cancelling the handler itself.
        """

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """A piece of the body, for classes under `stream_request_body`; may be ``async``, which slows the client."""
        raise NotImplementedError

    def set_default_headers(self) -> None:
        """Set headers that every response of the class has, errors included."""

    def _unimplemented(self, *args: str, **kwargs: str) -> None:
        raise HTTPError(405)

    head: Callable[..., Awaitable[None] | None] = _unimplemented
    get: Callable[..., Awaitable[None] | None] = _unimplemented
    post: Callable[..., Awaitable[None] | None] = _unimplemented
    delete: Callable[..., Awaitable[None] | None] = _unimplemented
    patch: Callable[..., Awaitable[None] | None] = _unimplemented
    put: Callable[..., Awaitable[None] | None] = _unimplemented
    options: Callable[..., Awaitable[None] | None] = _unimplemented
    _unimplemented_method = _unimplemented  # Jupyter Server compares methods with this name
