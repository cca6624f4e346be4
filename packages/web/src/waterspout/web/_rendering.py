"""Pages from templates, and what UI modules add to them."""

from __future__ import annotations

import os
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from waterspout.web._handler import RequestHandler

__all__ = ["finish_page", "make_loader", "namespace_of", "render_template", "render_template_async"]

_LOADER_SETTINGS = {"autoescape": "autoescape", "template_whitespace": "whitespace"}


def make_loader(settings: dict[str, Any], path: str) -> Any:
    """A loader for the templates below *path*, as the settings want it."""
    if "template_loader" in settings:
        return settings["template_loader"]
    from waterspout import template  # the compiler: only where there are templates

    options = {option: settings[name] for name, option in _LOADER_SETTINGS.items() if name in settings}
    return template.Loader(path, **options)


def render_template(handler: RequestHandler, name: str, values: dict[str, Any]) -> bytes:
    """Render template *name* with the handler's namespace and *values*."""
    page, namespace = _page(handler, name, values, sys._getframe(1))
    result: bytes = page.generate(**namespace)
    return result


async def render_template_async(handler: RequestHandler, name: str, values: dict[str, Any]) -> bytes:
    """`render_template`, waiting for values that are awaitable."""
    page, namespace = _page(handler, name, values, sys._getframe(1))
    result: bytes = await page.generate_async(**namespace)
    return result


def _page(handler: RequestHandler, name: str, values: dict[str, Any], caller: FrameType) -> tuple[Any, dict[str, Any]]:
    """The compiled template, and all its names."""
    path = handler.get_template_path()
    if not path:
        path = _folder_of_caller(caller)
    loaders = handler.application._template_loaders
    loader = handler._template_loaders.get(path) or loaders.get(path)
    if loader is None:
        loader = loaders[path] = handler.create_template_loader(path)
    if not handler.settings.get("compiled_template_cache", True) and not handler._templates_are_fresh:
        handler._templates_are_fresh = True  # once a request, not for every module of the page
        loader.reset()
    return loader.load(name), {**handler.get_template_namespace(), **values}


def _folder_of_caller(frame: FrameType | None) -> str:
    """The folder of the file that called into this package: where its templates are, if nothing else is said."""
    here = os.path.dirname(__file__)
    while frame is not None and os.path.dirname(frame.f_code.co_filename) == here:
        frame = frame.f_back
    if frame is None:
        return "."
    return os.path.dirname(os.path.abspath(frame.f_code.co_filename))


def namespace_of(handler: RequestHandler) -> dict[str, Any]:
    """The names that templates know without being given them."""
    locale = handler.locale
    return {
        "handler": handler,
        "request": handler.request,
        "current_user": handler.current_user,
        "locale": locale,
        "_": locale.translate,
        "pgettext": locale.pgettext,
        "static_url": handler.static_url,
        "xsrf_form_html": handler.xsrf_form_html,
        "reverse_url": handler.reverse_url,
        **handler.ui_names(),
    }


def finish_page(handler: RequestHandler, html: bytes) -> bytes:
    """Put what the UI modules used by the page need into its head and at its end."""
    modules = handler.ui.modules.active
    if not modules:
        return html
    from waterspout.web._pageresources import gather, insert  # only where UI modules are used

    return insert(html, gather(modules.values()), handler)
