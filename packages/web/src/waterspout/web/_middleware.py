"""Functions around handlers, for what many of them share: the setting ``middleware``.

    async def timed(handler, call_next):
        started = time.perf_counter()
        try:
            await call_next()
        finally:
            observe(handler.request.path, time.perf_counter() - started)

    Application(routes, middleware=[timed])

The first of the list is the outermost; the innermost ``call_next`` runs ``prepare`` and the method. What a handler has
written and not sent itself (`finish`, `render`, `redirect`, `flush`) is sent when the outermost has returned, so that
headers may be set until then. What the handler raises passes through; a middleware may catch it, raise `HTTPError` or
`Finish`, answer by itself, or not call ``call_next`` at all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from waterspout.web._handler import RequestHandler

__all__ = ["Middleware", "call_through", "middleware_of"]

Middleware = Callable[["RequestHandler", Callable[[], Awaitable[None]]], Awaitable[None]]


def middleware_of(settings: dict[str, Any]) -> tuple[Middleware, ...]:
    """The setting ``middleware``. Raises TypeError for what is no list of functions."""
    given = settings.get("middleware") or ()
    if not isinstance(given, Iterable) or not all(callable(function) for function in given):
        raise TypeError(
            f"the setting middleware takes a list of functions (async, of handler and call_next), not {given!r}"
        )
    return tuple(given)


async def call_through(
    middleware: Sequence[Middleware], handler: RequestHandler, innermost: Callable[[], Awaitable[None]]
) -> None:
    """Call the first of *middleware* around the others, and these around *innermost*."""
    if not middleware:
        await innermost()
        return
    await middleware[0](handler, partial(call_through, middleware[1:], handler, innermost))
