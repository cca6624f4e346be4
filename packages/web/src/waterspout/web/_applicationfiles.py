"""Static files of an application: the rules that its settings ask for, and their URLs."""

from __future__ import annotations

import re
from typing import Any, cast

__all__ = ["ApplicationFiles"]


class ApplicationFiles:
    """A part of `Application`; see there."""

    settings: dict[str, Any]

    def _static_rules(self) -> list[Any]:
        """Rules for the setting ``static_path``: below ``static_url_prefix``, and the two files that robots ask for."""
        path = self.settings.get("static_path")
        if not path:
            return []
        prefix = re.escape(self.settings.get("static_url_prefix", "/static/"))
        handler = self._static_handler()
        arguments = {**self.settings.get("static_handler_args", {}), "path": path}
        patterns = (rf"{prefix}(.*)", r"/(favicon\.ico)", r"/(robots\.txt)")
        return [(pattern, handler, arguments) for pattern in patterns]

    def _static_handler(self) -> Any:
        handler = self.settings.get("static_handler_class")
        if handler is None:
            from waterspout.web._staticfiles import StaticFileHandler  # only where files are served

            handler = StaticFileHandler
        return handler

    def make_static_url(self, path: str, **kwargs: Any) -> str:
        """The versioned URL of a file below ``static_path``; see `RequestHandler.static_url`."""
        handler = self._static_handler()
        if not self.settings.get("static_hash_cache", True):
            handler.reset()
        return cast(str, handler.make_static_url(self.settings, path, **kwargs))
