"""What UI modules add to a page: gathered from the modules that were used, and put into the HTML."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from waterspout.escape import utf8, xhtml_escape
from waterspout.web._uimodules import UIModule


@dataclass(slots=True)
class PageResources:
    """Scripts, style sheets and HTML for head and body, each in the order of first use."""

    js_files: list[str] = field(default_factory=list)
    js_embed: list[bytes] = field(default_factory=list)
    css_files: list[str] = field(default_factory=list)
    css_embed: list[bytes] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


class Renderers(Protocol):
    """The overridable methods of `RequestHandler` that write the tags."""

    def render_linked_js(self, js_files: Iterable[str]) -> str:
        """``<script src>`` tags."""

    def render_embed_js(self, js_embed: Iterable[bytes]) -> bytes:
        """One ``<script>``."""

    def render_linked_css(self, css_files: Iterable[str]) -> str:
        """``<link>`` tags."""

    def render_embed_css(self, css_embed: Iterable[bytes]) -> bytes:
        """One ``<style>``."""


def gather(modules: Iterable[UIModule]) -> PageResources:
    """Ask each module for what it adds."""
    page = PageResources()
    for module in modules:
        for wanted, places in (
            (module.embedded_javascript(), page.js_embed),
            (module.embedded_css(), page.css_embed),
            (module.html_head(), page.heads),
            (module.html_body(), page.bodies),
        ):
            if wanted:
                places.append(utf8(wanted))
        for files, paths in ((module.javascript_files(), page.js_files), (module.css_files(), page.css_files)):
            if files:
                paths.extend([files] if isinstance(files, str) else files)
    return page


def insert(html: bytes, page: PageResources, renderers: Renderers) -> bytes:
    """Return ``html`` with the resources before its ``</head>`` and its last ``</body>``.

    Raises ValueError if there is something to add and the tag is missing.
    """
    head: list[bytes] = []
    if page.css_files:
        head.append(utf8(renderers.render_linked_css(page.css_files)))
    if page.css_embed:
        head.append(renderers.render_embed_css(page.css_embed))
    if page.heads:
        head.append(b"".join(page.heads))
    body: list[bytes] = []
    if page.js_files:
        body.append(utf8(renderers.render_linked_js(page.js_files)))
    if page.js_embed:
        body.append(renderers.render_embed_js(page.js_embed))
    if page.bodies:
        body.append(b"".join(page.bodies))
    if body:
        html = _before(html, html.rfind(b"</body>"), body, "</body>")
    return _before(html, html.find(b"</head>"), head, "</head>") if head else html


def _before(html: bytes, place: int, parts: list[bytes], tag: str) -> bytes:
    if place < 0:
        raise ValueError(f"the page has no {tag}, where what its UI modules add would go")
    return b"".join([html[:place], *(part + b"\n" for part in parts), html[place:]])


def linked_js(paths: Iterable[str], url_of: Callable[[str], str]) -> str:
    """``<script src>`` tags; a path that occurs again is written once. ``url_of`` makes the URL of a path."""
    return "".join(
        f'<script src="{xhtml_escape(url_of(path))}" type="text/javascript"></script>' for path in dict.fromkeys(paths)
    )


def embedded_js(chunks: Iterable[bytes]) -> bytes:
    """One ``<script>`` with all chunks, each on lines of its own."""
    return b'<script type="text/javascript">\n//<![CDATA[\n' + b"\n".join(chunks) + b"\n//]]>\n</script>"


def linked_css(paths: Iterable[str], url_of: Callable[[str], str]) -> str:
    """``<link rel="stylesheet">`` tags; a path that occurs again is written once."""
    return "".join(
        f'<link href="{xhtml_escape(url_of(path))}" type="text/css" rel="stylesheet"/>' for path in dict.fromkeys(paths)
    )


def embedded_css(chunks: Iterable[bytes]) -> bytes:
    """One ``<style>`` with all chunks, each on lines of its own."""
    return b'<style type="text/css">\n' + b"\n".join(chunks) + b"\n</style>"
