"""UI modules and what they add to pages."""

from typing import Any

import pytest

from waterspout.template import DictLoader
from waterspout.web._pageresources import embedded_css, embedded_js, gather, insert, linked_css, linked_js
from waterspout.web._uimodules import BUILT_IN_MODULES, UIModule, UIModules

PAGE = b"<html><head></head><body>text</body></html>"


class Handler:
    """What modules see of a request handler."""

    def __init__(self, templates: dict[str, str] | None = None, **modules: type[UIModule]) -> None:
        self.loader = DictLoader(templates or {})
        self.request, self.ui, self.locale = object(), object(), object()
        self.users_looked_up = 0
        self.modules = UIModules(self, {**BUILT_IN_MODULES, **modules})

    @property
    def current_user(self) -> str:
        self.users_looked_up += 1
        return "ben"

    def render_string(self, template_name: str, **kwargs: Any) -> bytes:
        return self.loader.load(template_name).generate(_tt_modules=self.modules, modules=self.modules, **kwargs)

    def xsrf_form_html(self) -> str:
        return "<input>"

    def page(self, name: str) -> bytes:
        return insert(self.render_string(name), gather(self.modules.active.values()), self)

    def render_linked_js(self, js_files: Any) -> str:
        return linked_js(js_files, lambda path: path if path.startswith("/") else "/static/" + path)

    def render_embed_js(self, js_embed: Any) -> bytes:
        return embedded_js(js_embed)

    def render_linked_css(self, css_files: Any) -> str:
        return linked_css(css_files, lambda path: "/static/" + path)

    def render_embed_css(self, css_embed: Any) -> bytes:
        return embedded_css(css_embed)


class Entry(UIModule):
    def render(self, title: str) -> str:
        return f"[{title}]"

    def embedded_javascript(self) -> str:
        return "JS"

    def embedded_css(self) -> bytes:
        return b"CSS"

    def javascript_files(self) -> list[str]:
        return ["a.js", "/b.js"]

    def css_files(self) -> str:
        return "c<.css"

    def html_head(self) -> str:
        return "<meta>"

    def html_body(self) -> str:
        return "<foot>"


def test_a_page_gets_all_that_its_modules_add_once_and_in_place() -> None:
    handler = Handler({"p": "<head></head><body>{% module Entry(1) %}{{ modules.Entry(2) }}</body>"}, Entry=Entry)
    assert handler.page("p").decode() == (
        '<head><link href="/static/c&lt;.css" type="text/css" rel="stylesheet"/>\n'
        '<style type="text/css">\nCSS\n</style>\n<meta>\n</head><body>[1][2]'
        '<script src="/static/a.js" type="text/javascript"></script>'
        '<script src="/b.js" type="text/javascript"></script>\n'
        '<script type="text/javascript">\n//<![CDATA[\nJS\n//]]>\n</script>\n<foot>\n</body>'
    )


def test_a_module_is_made_once_a_request() -> None:
    handler = Handler(Entry=Entry)
    assert handler.modules.Entry.__self__ is handler.modules["Entry"].__self__  # type: ignore[attr-defined]
    assert list(handler.modules.active) == ["Entry"]


def test_a_module_that_is_not_there_is_an_attribute_error_or_key_error_that_names_the_setting() -> None:
    with pytest.raises(AttributeError, match="no UI module 'Entri': is it in the setting ui_modules"):
        _ = Handler().modules.Entri
    with pytest.raises(KeyError):
        Handler().modules["Entri"]


def test_a_module_sees_its_handler_and_looks_the_user_up_when_asked() -> None:
    handler = Handler()
    module = UIModule(handler)
    assert (module.handler, module.request, module.ui, module.locale) == (
        handler,
        handler.request,
        handler.ui,
        handler.locale,
    )
    assert handler.users_looked_up == 0
    assert module.current_user == "ben"


def test_a_module_without_render_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"UIModule does not define render\(\)"):
        UIModule(Handler()).render()


def test_a_plain_module_adds_nothing() -> None:
    assert insert(b"no tags at all", gather([UIModule(Handler())]), Handler()) == b"no tags at all"


def test_the_built_in_modules() -> None:
    handler = Handler({"p": "{% module linkify('<http://a.example') %}{% module xsrf_form_html() %}"})
    assert handler.render_string("p") == b'&lt;<a href="http://a.example">http://a.example</a><input>'


def test_the_template_module_has_a_namespace_of_its_own_and_resources_once() -> None:
    handler = Handler(
        {
            "p": "<head></head><body>{% set v = 1 %}"
            "{% module Template('q', w=3) %}{% module Template('q', w=4) %}</body>",
            "q": "{{ set_resources(embedded_javascript='JS', css_files='z.css', javascript_files=['a.js']) }}"
            "{{ w }}{% try %}{{ v }}{% except NameError %}-{% end %}",
        }
    )
    page = handler.page("p").decode()
    assert "<body>3-4-<script src" in page
    assert page.count("JS") == page.count("z.css") == page.count("a.js") == 1


def test_other_resources_for_the_same_template_are_an_error() -> None:
    handler = Handler(
        {
            "p": "{% module Template('q', w=1) %}{% module Template('q', w=2) %}",
            "q": "{{ set_resources(embedded_css=str(w)) }}",
        }
    )
    with pytest.raises(ValueError, match="different resources for the same template 'q'"):
        handler.page("p")


def test_a_template_module_gives_every_kind_of_resource() -> None:
    handler = Handler(
        {
            "p": "<head></head><body>{% module Template('q') %}{% module Template('r') %}</body>",
            "q": "{{ set_resources(embedded_css=b'Q', html_head='<q>', html_body='</q>') }}",
            "r": "{{ set_resources(embedded_css='R', html_head='<r>') }}",
        }
    )
    page = handler.page("p").decode()
    assert '<style type="text/css">\nQ\nR\n</style>\n<q>\n<r>\n</head>' in page
    assert "</q>\n</body>" in page


@pytest.mark.parametrize(("page", "tag"), [(b"<body></body>", "</head>"), (b"<head></head>", "</body>")])
def test_a_page_without_the_tag_is_an_error_that_names_it(page: bytes, tag: str) -> None:
    with pytest.raises(ValueError, match=f"the page has no {tag}"):
        insert(page, gather([Entry(Handler())]), Handler())


def test_scripts_go_before_the_last_end_of_body_and_files_are_named_once() -> None:
    assert linked_js(["a", "b", "a"], str.upper).count("<script") == 2
    resources = gather([Entry(Handler())])
    page = b"<head></head><body>'</body>'</body>"
    assert insert(page, resources, Handler()).endswith(b"<foot>\n</body>")
