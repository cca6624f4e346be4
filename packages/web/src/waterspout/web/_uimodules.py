"""UI modules: parts of pages with Python behind them, used in templates as ``{% module Name(...) %}``."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from waterspout.escape import linkify


class PageHandler(Protocol):
    """What UI modules need of the request handler."""

    @property
    def request(self) -> Any:
        """The request that is answered."""

    @property
    def ui(self) -> Any:
        """The namespace of UI methods and modules."""

    @property
    def locale(self) -> Any:
        """The locale of the page."""

    @property
    def current_user(self) -> Any:
        """Who is signed in."""

    def render_string(self, template_name: str, **kwargs: Any) -> bytes:
        """Render a template."""

    def xsrf_form_html(self) -> str:
        """The hidden field with the XSRF token."""


class UIModule:
    """A part of a page, to be subclassed with a `render` of its own.

    One object is made for each request, and `render` is called for each use in the page. What the page needs
    besides, once, the other methods say: it is put into ``<head>`` or to the end of ``<body>`` by
    `RequestHandler.render`.
    """

    __module__ = "waterspout.web"

    locale: Any
    request: Any
    ui: Any

    def __init__(self, handler: PageHandler) -> None:
        self.handler = handler
        self.request, self.ui, self.locale = handler.request, handler.ui, handler.locale

    @property
    def current_user(self) -> Any:
        """`RequestHandler.current_user`, looked up when it is asked for."""
        return self.handler.current_user

    def render(self, *args: Any, **kwargs: Any) -> str | bytes:
        """Return the HTML of the module; it is not escaped. The arguments are those of the template."""
        raise NotImplementedError(f"{type(self).__name__} does not define render()")

    def embedded_javascript(self) -> str | bytes | None:
        """JavaScript for a ``<script>`` at the end of the page."""
        return None

    def javascript_files(self) -> str | Iterable[str] | None:
        """JavaScript files; relative paths are given to `RequestHandler.static_url`."""
        return None

    def embedded_css(self) -> str | bytes | None:
        """CSS for a ``<style>`` in the head."""
        return None

    def css_files(self) -> str | Iterable[str] | None:
        """CSS files; relative paths are given to `RequestHandler.static_url`."""
        return None

    def html_head(self) -> str | bytes | None:
        """HTML for the end of ``<head>``."""
        return None

    def html_body(self) -> str | bytes | None:
        """HTML for the end of ``<body>``."""
        return None

    def render_string(self, path: str, **kwargs: Any) -> bytes:
        """Render a template with `RequestHandler.render_string`."""
        return self.handler.render_string(path, **kwargs)


class LinkifyModule(UIModule):
    """``{% module linkify(text) %}``: text with its URLs as links, the rest escaped."""

    __module__ = "waterspout.web"

    def render(self, text: str, **kwargs: Any) -> str:
        return linkify(text, **kwargs)


class XSRFFormModule(UIModule):
    """``{% module xsrf_form_html() %}``: the hidden field that forms need."""

    __module__ = "waterspout.web"

    def render(self) -> str:
        return self.handler.xsrf_form_html()


class TemplateModule(UIModule):
    """``{% module Template("file.html", name=value) %}``: a template with a namespace of its own.

    Unlike ``{% include %}`` it does not see the variables of the page. The template may call ``set_resources`` with
    the names of the methods of `UIModule`: ``{{ set_resources(css_files="x.css") }}``. Resources go out once for
    each template, so calls must not depend on its arguments: other resources for the same template raise
    ValueError.
    """

    __module__ = "waterspout.web"

    def __init__(self, handler: PageHandler) -> None:
        super().__init__(handler)
        self._resources: dict[str, dict[str, Any]] = {}

    def render(self, path: str, **kwargs: Any) -> bytes:
        def set_resources(**resources: Any) -> str:
            if self._resources.setdefault(path, resources) != resources:
                raise ValueError(f"set_resources called with different resources for the same template {path!r}")
            return ""

        return self.render_string(path, set_resources=set_resources, **kwargs)

    def _all(self, kind: str) -> Iterator[Any]:
        return (resources[kind] for resources in self._resources.values() if resources.get(kind))

    def _joined(self, kind: str) -> str:
        return "\n".join(part.decode() if isinstance(part, bytes) else part for part in self._all(kind))

    def _files(self, kind: str) -> list[str]:
        return [path for paths in self._all(kind) for path in ([paths] if isinstance(paths, str) else paths)]

    def embedded_javascript(self) -> str:
        return self._joined("embedded_javascript")

    def javascript_files(self) -> list[str]:
        return self._files("javascript_files")

    def embedded_css(self) -> str:
        return self._joined("embedded_css")

    def css_files(self) -> list[str]:
        return self._files("css_files")

    def html_head(self) -> str:
        return self._joined("html_head")

    def html_body(self) -> str:
        return self._joined("html_body")


BUILT_IN_MODULES: Mapping[str, type[UIModule]] = {
    "linkify": LinkifyModule,
    "xsrf_form_html": XSRFFormModule,
    "Template": TemplateModule,
}


class UIModules:
    """The modules of one request by name, as attributes and as items: ``modules.Entry(entry)``.

    A module is made at its first use; ``active`` holds those made so far, for what they want to add to the page.
    """

    __slots__ = ("_classes", "_handler", "active")

    def __init__(self, handler: PageHandler, classes: Mapping[str, type[UIModule]]) -> None:
        self._handler = handler
        self._classes = classes
        self.active: dict[str, UIModule] = {}

    def __getitem__(self, name: str) -> Callable[..., str | bytes]:
        module = self.active.get(name)
        if module is None:
            module = self.active[name] = self._classes[name](self._handler)
        return module.render

    def __getattr__(self, name: str) -> Callable[..., str | bytes]:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(f"there is no UI module {name!r}: is it in the setting ui_modules?") from error
