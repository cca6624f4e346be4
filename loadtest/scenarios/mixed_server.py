"""The server of the mixed scenario: a page, a form, static files, a JSON service."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from serving import serve

from waterspout.template import DictLoader
from waterspout.web import Application, RequestHandler, url

PAGES = {
    "page.html": """<!DOCTYPE html><html><head><title>{{ title }}</title>
<link rel="stylesheet" href="{{ static_url('site.css') }}"><script src="{{ static_url('site.js') }}"></script></head>
<body>{% block body %}{% end %}</body></html>""",
    "home.html": """{% extends "page.html" %}{% block body %}<h1>Hello {{ name }}</h1><ul>
{% for number in range(50) %}<li>{{ number }}: {{ name }}</li>{% end %}</ul>{% end %}""",
    "write.html": """{% extends "page.html" %}{% block body %}<form method="post">{% raw xsrf_form_html() %}
<input name="title"></form>{% end %}""",
    "story.html": """{% extends "page.html" %}{% block body %}<h1>{{ title }}</h1>{% end %}""",
}
KEPT_STORIES = 1000


class Home(RequestHandler):
    def get(self) -> None:
        self.render("home.html", title="Home", name=self.get_argument("name", "nobody"))


class Write(RequestHandler):
    def initialize(self, stories: dict[int, str]) -> None:
        self.stories = stories

    def get(self) -> None:
        self.render("write.html", title="Write")

    def post(self) -> None:
        number = max(self.stories, default=0) + 1
        self.stories[number] = self.get_argument("title")
        self.stories.pop(number - KEPT_STORIES, None)
        self.redirect(self.reverse_url("story", number), status=303)


class Story(RequestHandler):
    def initialize(self, stories: dict[int, str]) -> None:
        self.stories = stories

    def get(self, number: str) -> None:
        self.render("story.html", title=self.stories[int(number)])


class Sum(RequestHandler):
    def check_xsrf_cookie(self) -> None:
        """Programs send no cookies."""

    def post(self) -> None:
        body: dict[str, Any] = self.get_json()
        self.write({"sum": sum(body["numbers"]), "name": body["name"]})


def application(static: Path) -> Application:
    stories: dict[int, str] = {}
    return Application(
        [
            ("/", Home),
            ("/write", Write, {"stories": stories}),
            url(r"/story/(\d+)", Story, {"stories": stories}, name="story"),
            ("/api/sum", Sum),
        ],
        template_loader=DictLoader(PAGES),
        static_path=str(static),
        xsrf_cookies=True,
        cookie_secret="a secret that is long enough for this",
        compress_response=True,
        log_function=lambda _handler: None,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "site.css").write_text("h1 { color: navy }\n" * 200)
        (Path(folder) / "site.js").write_text("console.log('here');\n" * 2000)
        serve(lambda: application(Path(folder)))
