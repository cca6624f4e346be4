"""What ``waterspout dev`` changes in an application: the debug settings that it has not decided on itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from waterspout.web import Application, RequestHandler
from waterspout.web._livepage import HEADER, PROBE

if TYPE_CHECKING:
    from waterspout.httputil import HTTPServerRequest
    from waterspout.web._gate import Answer

__all__ = ["switch_on"]


class _Lives(RequestHandler):
    """Says that the application is there, and which start of it."""

    def prepare(self) -> None:
        self.set_status(204)
        self.set_header(HEADER, self.application._started_as or "")
        self.finish()

    def _log(self) -> None:
        """A line would be about a request that nobody who reads it has made."""


def switch_on(application: Any) -> None:
    """Show errors, read templates and static files anew, and refuse other hosts (see ``debug`` of `Application`)."""
    if not isinstance(application, Application):
        return
    settings = application.settings
    if not settings.get("debug"):
        settings["debug"] = True
        settings.setdefault("serve_traceback", True)
        settings.setdefault("compiled_template_cache", False)
        settings.setdefault("static_hash_cache", False)
        application._make_gate()  # it was made with the settings that there were
    application._started_as = os.urandom(8).hex()
    _answer_probe(application)


def _answer_probe(application: Application) -> None:
    inner = application._gate

    def gate(request: HTTPServerRequest) -> Answer | None:
        answer = None if inner is None else inner(request)
        return (_Lives, {}) if answer is None and request.path == PROBE else answer

    application._gate = gate
