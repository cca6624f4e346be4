"""What ``waterspout dev`` changes in an application: the debug settings that it has not decided on itself."""

from __future__ import annotations

from typing import Any

from waterspout.web import Application

__all__ = ["switch_on"]


def switch_on(application: Any) -> None:
    """Show errors, read templates and static files anew, and refuse other hosts (see ``debug`` of `Application`)."""
    if not isinstance(application, Application) or application.settings.get("debug"):
        return
    settings = application.settings
    settings["debug"] = True
    settings.setdefault("serve_traceback", True)
    settings.setdefault("compiled_template_cache", False)
    settings.setdefault("static_hash_cache", False)
    application._make_gate()  # it was made with the settings that there were
