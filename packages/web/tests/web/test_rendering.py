"""Pages: templates with the handler's names, and what UI modules add to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.template import DictLoader
from waterspout.web import Application, RequestHandler, UIModule

Fetch = Callable[..., HTTPResponse]


def page(template: str, **settings: Any) -> Application:
    """An application whose one page is *template*."""
    templates = {"page.html": template, **settings.pop("templates", {})}

    class Page(RequestHandler):
        def get_current_user(self) -> str | None:
            return self.get_argument("user", None)

        def get(self) -> None:
            self.render("page.html", items=["<a>", "b"], title="T")

    return Application([("/", Page, {}, "page")], template_loader=DictLoader(templates), **settings)


def test_a_page_is_rendered_with_its_arguments_escaped(fetch: Fetch) -> None:
    response = fetch(page("{% for i in items %}<li>{{ i }}{% end %}"))
    assert response.body == b"<li>&lt;a&gt;<li>b" and response.headers["Content-Type"] == "text/html; charset=UTF-8"


@pytest.mark.parametrize(("query", "expected"), [("?user=ann", b"hello ann"), ("", b"sign in")])
def test_current_user_is_known_to_templates(fetch: Fetch, query: str, expected: bytes) -> None:
    template = "{% if current_user %}hello {{ current_user }}{% else %}sign in{% end %}"
    assert fetch(page(template), f"/{query}").body == expected


def test_templates_know_handler_request_locale_and_the_urls(fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "x.css").write_text("x")
    template = (
        '{{ handler.request is request }} {{ locale.code }} {{ _("hello") }} {{ pgettext("c", "m") }}'
        ' {{ reverse_url("page") }} {{ static_url("x.css")[:15] }} {% raw xsrf_form_html()[:12] %}'
    )
    body = fetch(page(template, static_path=str(tmp_path)), headers={"Accept-Language": "xx"}).body
    assert body == b"True en_US hello m / /static/x.css?v <input type="


def test_a_handler_can_add_names(fetch: Fetch) -> None:
    class Page(RequestHandler):
        def get_template_namespace(self) -> dict[str, Any]:
            return {**super().get_template_namespace(), "brand": "W", "title": "default"}

        def get(self) -> None:
            self.render("p", title="given")

    app = Application([("/", Page)], template_loader=DictLoader({"p": "{{ brand }} {{ title }}"}))
    assert fetch(app).body == b"W given"


class Widget(UIModule):
    """A module that brings everything that a module can."""

    def render(self, text: str) -> str:
        return f"[{text} for {self.current_user}]"

    def css_files(self) -> str:
        return "/w.css"

    def embedded_css(self) -> str:
        return ".w{}"

    def javascript_files(self) -> list[str]:
        return ["/w.js", "https://cdn.example/x.js"]

    def embedded_javascript(self) -> str:
        return "w()"

    def html_head(self) -> str:
        return "<meta name=w>"

    def html_body(self) -> str:
        return "<!-- w -->"


def test_modules_put_their_resources_into_head_and_body_once(fetch: Fetch) -> None:
    template = "<head></head><body>{% module Widget('a') %}{% module Widget('b') %}</body>"
    body = fetch(page(template, ui_modules={"Widget": Widget}), "/?user=ann").body.decode()
    head, rest = body.split("</head>")
    assert head.index('<link href="/w.css"') < head.index(".w{}") < head.index("<meta name=w>")
    assert (
        rest.index("[a for ann][b for ann]") < rest.index('src="/w.js"') < rest.index("w()") < rest.index("<!-- w -->")
    )
    assert body.count("/w.css") == body.count("<!-- w -->") == 1 and 'src="https://cdn.example/x.js"' in rest


def test_render_methods_for_resources_can_be_replaced(fetch: Fetch) -> None:
    class Page(RequestHandler):
        def get(self) -> None:
            self.render("p")

        def render_linked_js(self, js_files: Any) -> str:
            return f"<script type=module src={','.join(js_files)}></script>"

    loader = DictLoader({"p": "<head></head><body>{% module Widget('a') %}</body>"})
    app = Application([("/", Page)], template_loader=loader, ui_modules={"Widget": Widget})
    assert b"<script type=module src=/w.js,https://cdn.example/x.js></script>" in fetch(app).body


def test_a_template_as_a_module_names_its_own_resources(fetch: Fetch) -> None:
    part = '{{ set_resources(css_files="/part.css") }}<p>{{ text }}'
    template = '<head></head>{% module Template("part.html", text="<x>") %}'
    body = fetch(page(template, templates={"part.html": part})).body
    assert b'href="/part.css"' in body and b"<p>&lt;x&gt;" in body


def test_ui_methods_get_the_handler(fetch: Fetch) -> None:
    def greeting(handler: RequestHandler, name: str) -> str:
        return f"{handler.request.path} {name}"

    assert fetch(page("{{ greeting('x') }}", ui_methods={"greeting": greeting})).body == b"/ x"


def test_the_form_field_carries_a_token_that_is_accepted(fetch: Fetch) -> None:
    class Form(RequestHandler):
        def get(self) -> None:
            self.render("p")

        def post(self) -> None:
            self.write("accepted")

    loader = DictLoader({"p": "{% module xsrf_form_html() %}"})
    app = Application([("/", Form)], template_loader=loader, xsrf_cookies=True, cookie_secret="x" * 32)
    response = fetch(app)
    token = response.body.decode().split('value="')[1].split('"')[0]
    cookie = response.headers["Set-Cookie"].split(";")[0]
    send = {"method": "POST", "body": f"_xsrf={token}", "headers": {"Cookie": cookie}}
    assert fetch(app, **send).body == b"accepted"
    assert fetch(app, **{**send, "body": "_xsrf=forged"}).code == 403


def test_templates_are_looked_for_in_template_path(fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "t.html").write_text("{{ 1 + 1 }}")

    class Page(RequestHandler):
        def get(self) -> None:
            self.render("t.html")

    assert fetch(Application([("/", Page)], template_path=str(tmp_path))).body == b"2"


def test_without_template_path_they_are_beside_the_handlers_file(fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "beside.html").write_text("beside {{ x }}")
    source = "def get(self):\n    self.render('beside.html', x=1)\n"
    names: dict[str, Any] = {}
    exec(compile(source, str(tmp_path / "handlers.py"), "exec"), names)
    cls = type("Page", (RequestHandler,), {"get": names["get"]})
    assert fetch([("/", cls)]).body == b"beside 1"


@pytest.mark.parametrize(("cached", "second"), [(True, b"old"), (False, b"new")])
def test_compiled_templates_are_kept_unless_the_setting_says_not(
    fetch: Fetch, tmp_path: Path, cached: bool, second: bytes
) -> None:
    class Page(RequestHandler):
        def get(self) -> None:
            self.render("t.html")

    app = Application([("/", Page)], template_path=str(tmp_path), compiled_template_cache=cached)
    (tmp_path / "t.html").write_text("old")
    assert fetch(app).body == b"old"
    (tmp_path / "t.html").write_text("new")
    assert fetch(app).body == second


def test_a_loader_given_by_path_goes_before_the_applications(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RequestHandler._template_loaders, "/nowhere", DictLoader({"t": "given"}))

    class Page(RequestHandler):
        def get(self) -> None:
            self.render("t")

    assert fetch(Application([("/", Page)], template_path="/nowhere")).body == b"given"


def test_an_error_in_a_template_is_a_500_that_names_file_and_line(fetch: Fetch, caplog: Any) -> None:
    assert fetch(page("one\ntwo {{ 1 / 0 }}")).code == 500
    assert "ZeroDivisionError" in caplog.text and "page.html" in caplog.text and "line 2" in caplog.text
