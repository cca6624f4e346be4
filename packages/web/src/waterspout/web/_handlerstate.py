"""What every part of a request handler knows: its application, its request, and the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waterspout.httputil import HTTPServerRequest, request_summary

if TYPE_CHECKING:
    from waterspout.web._application import Application
    from waterspout.web._bodyreader import BodyReader
    from waterspout.web._handler import RequestHandler

__all__ = ["HandlerState"]


class HandlerState:
    """The first part of `RequestHandler`; see there."""

    application: Application
    request: HTTPServerRequest

    _body_reader: BodyReader | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The application's settings."""
        return self.application.settings

    def _compat(self) -> str | None:
        return self.application.settings.get("compat")

    def require_setting(self, name: str, feature: str = "this feature") -> None:
        """Raise an exception that names the setting, unless *name* is set."""
        if not self.application.settings.get(name):
            raise Exception(f"You must define the '{name}' setting in your application to use {feature}")

    def reverse_url(self, name: str, *args: Any) -> str:
        """The path of the route called *name*; see `Application.reverse_url`."""
        return self.application.reverse_url(name, *args)

    def _request_summary(self) -> str:
        """Method, target and client on one line, without the secrets that a query may hold."""
        request = self.request
        return request_summary(request.method, request.uri, request.remote_ip)

    @property
    def _whole(self) -> RequestHandler:
        """The handler with all its parts, which this always is."""
        return self  # type: ignore[return-value]  # a cast is a call, several for each page
