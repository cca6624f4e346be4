"""Pages from templates, with UI modules and the URLs of static files."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Iterable
from typing import Any, ClassVar

from waterspout.web._handlerxsrf import HandlerXSRF
from waterspout.web._rendering import finish_page, make_loader, namespace_of, render_template, render_template_async
from waterspout.web._urls import is_absolute

__all__ = ["HandlerPages"]


class HandlerPages(HandlerXSRF):
    """A part of `RequestHandler`; see there."""

    _finished = False

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> Future[None]:
        """Send the rest and end the response: `RequestHandler` does."""
        raise NotImplementedError

    #: Template loaders by path that go before those of the applications; empty unless somebody fills it.
    _template_loaders: ClassVar[dict[str, Any]] = {}

    _templates_are_fresh = False

    def render(self, template_name: str, **kwargs: Any) -> Future[None]:
        """Finish with the template's page; UI modules' scripts and styles are put into its head and body.

        The Future is that of `finish`.
        """
        if self._finished:
            raise RuntimeError("Cannot render() after finish()")
        return self.finish(finish_page(self._whole, self.render_string(template_name, **kwargs)))

    async def render_async(self, template_name: str, **kwargs: Any) -> None:
        """Like `render`, for templates with values that have to be waited for: awaitables in ``{{ }}``, ``await``.

        Returns when the page has left.
        """
        if self._finished:
            raise RuntimeError("Cannot render_async() after finish()")
        page = finish_page(self._whole, await self.render_string_async(template_name, **kwargs))
        await self.finish(page)

    async def render_string_async(self, template_name: str, **kwargs: Any) -> bytes:
        """Like `render_string`; awaitable values are waited for, in the order in which they stand."""
        return await render_template_async(self._whole, template_name, kwargs)

    def render_string(self, template_name: str, **kwargs: Any) -> bytes:
        """The template as bytes, with *kwargs* beside the names of `get_template_namespace`."""
        return render_template(self._whole, template_name, kwargs)

    def get_template_namespace(self) -> dict[str, Any]:
        """The names that every template knows."""
        return namespace_of(self._whole)

    def get_template_path(self) -> str | None:
        """Where templates are: the setting ``template_path``; None means beside the file that calls `render`."""
        return self.application.settings.get("template_path")

    def create_template_loader(self, template_path: str) -> Any:
        """A template loader for *template_path*; made once for each path."""
        return make_loader(self.application.settings, template_path)

    @property
    def ui(self) -> Any:
        """UI modules and methods as templates see them."""
        ui = self.__dict__.get("_ui")
        if ui is None:
            self._ui = ui = self.application._ui_of(self._whole)
        return ui

    def ui_names(self) -> dict[str, Any]:
        """UI methods and modules by the names that templates have for them."""
        return self.ui.names()  # type: ignore[no-any-return]

    def render_linked_js(self, js_files: Iterable[str]) -> str:
        """The script tags for the UI modules' files; override it for other markup."""
        from waterspout.web._pageresources import linked_js  # only where UI modules are used

        return linked_js(js_files, self._resource_url)

    def render_embed_js(self, js_embed: Iterable[bytes]) -> bytes:
        """The script tag for the UI modules' embedded scripts; override it for other markup."""
        from waterspout.web._pageresources import embedded_js  # only where UI modules are used

        return embedded_js(js_embed)

    def render_linked_css(self, css_files: Iterable[str]) -> str:
        """The link tags for the UI modules' style sheets; override it for other markup."""
        from waterspout.web._pageresources import linked_css  # only where UI modules are used

        return linked_css(css_files, self._resource_url)

    def render_embed_css(self, css_embed: Iterable[bytes]) -> bytes:
        """The style tag for the UI modules' embedded styles; override it for other markup."""
        from waterspout.web._pageresources import embedded_css  # only where UI modules are used

        return embedded_css(css_embed)

    def _resource_url(self, path: str) -> str:
        return path if is_absolute(path) else self.static_url(path)

    def static_url(self, path: str, include_host: bool | None = None, **kwargs: Any) -> str:
        """The URL of a static file with its version, so that browsers may keep it for good.

        Needs the setting ``static_path``. *include_host* (default: the handler's attribute of that name) gives an
        absolute URL.
        """
        self.require_setting("static_path", "static_url")
        if include_host is None:
            include_host = getattr(self, "include_host", False)
        base = f"{self.request.protocol}://{self.request.host}" if include_host else ""
        return base + self.application.make_static_url(path, **kwargs)
