"""The access log of an application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waterspout.log import access_log

if TYPE_CHECKING:
    from waterspout.web._handler import RequestHandler

__all__ = ["ApplicationLog"]


class ApplicationLog:
    """A part of `Application`; see there."""

    settings: dict[str, Any]

    def log_request(self, handler: RequestHandler) -> None:
        """Write the access log's line for a finished request, or call the setting ``log_function``."""
        function = self.settings.get("log_function")
        if function is not None:
            function(handler)
            return
        observer = getattr(handler.request.connection, "observer", None)
        if observer is not None and observer.writes_access_log:
            return  # with more than we know: one line for each request is enough
        status = handler.get_status()
        if status < 400:
            write = access_log.info
        elif status < 500:
            write = access_log.warning
        else:
            write = access_log.error
        milliseconds = 1000.0 * handler.request.request_time()
        write("%d %s %.2fms", status, handler._request_summary(), milliseconds)

    #: To be compared with what a subclass has.
    _plain_log_request = log_request
