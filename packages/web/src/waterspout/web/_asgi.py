"""ASGI out: an application of ours for uvicorn, hypercorn, granian and other ASGI servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from waterspout.web._application import Application
    from waterspout.web._asgiapplication import ASGIApplication

__all__ = ["asgi"]


def asgi(application: Application, *, max_body_size: int | None = None) -> ASGIApplication:
    """*application* as an ASGI 3 application: ``app = asgi(Application([...]))``, then ``uvicorn module:app``.

    Bodies of more than *max_body_size* bytes (default: as `HTTPServer` has it) are refused with 413; a class under
    `stream_request_body` can change that in ``prepare``. Everything about the connection is the server's: TLS,
    timeouts, trusted proxies, Date and Server, and there is no `RequestHandler.detach`. A `WebSocketHandler` serves
    WebSockets; their pings, compression and longest message are the server's settings.
    """
    from waterspout.web._asgiapplication import ASGIApplication  # only where another server serves

    return ASGIApplication(application, max_body_size)
