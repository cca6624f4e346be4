"""The files of a new project."""

from __future__ import annotations

__all__ = ["FILES"]

_APP = '''\
"""The application. `waterspout dev app.py` serves it while you work on it, `waterspout run app.py` for good."""

from __future__ import annotations

import asyncio
from pathlib import Path

from waterspout import web

HERE = Path(__file__).resolve().parent


class Home(web.RequestHandler):
    def get(self) -> None:
        self.render("home.html", name=self.get_signed_cookie("name", max_age_days=30) or b"")

    def post(self) -> None:
        self.set_signed_cookie("name", self.get_body_argument("name")[:50], httponly=True, samesite="Lax")
        self.redirect("/")


class Time(web.RequestHandler):
    """Events for the page, one a second, for as long as it is open."""

    async def get(self) -> None:
        number = 0
        while True:
            await self.send_event(str(number))
            await asyncio.sleep(1)
            number += 1


def make_app() -> web.Application:
    return web.Application(
        [web.url("/", Home, name="home"), web.url("/time", Time, name="time")],
        template_path=str(HERE / "templates"),
        static_path=str(HERE / "static"),
        cookie_secret=(HERE / "secret.txt").read_text().strip(),
        xsrf_cookies=True,
    )
'''

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Hello</title>
  <link rel="stylesheet" href="{{ static_url("style.css") }}">
</head>
<body>
  <h1>Hello{% if name %}, {{ name }}{% end %}</h1>
  <form method="post">
    {% module xsrf_form_html() %}
    <label>Your name <input name="name" required maxlength="50"></label>
    <button>Say hello</button>
  </form>
  <p>Open for <output id="time">0</output> seconds.</p>
  <script src="{{ static_url("time.js") }}"></script>
</body>
</html>
"""

_STYLE = """\
body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
input, button { font: inherit; padding: 0.4rem 0.8rem; }
"""

_SCRIPT = """\
const output = document.getElementById("time");
new EventSource("/time").onmessage = event => { output.textContent = event.data; };
"""

_TESTS = '''\
"""Tests, without a socket: `pip install pytest`, then `pytest`."""

from __future__ import annotations

import pytest
from app import make_app

from waterspout.testing import InProcessClient


@pytest.fixture
def app():
    return make_app()


@pytest.mark.gen_test
async def test_page_greets_by_name(app_client: InProcessClient) -> None:
    page = await app_client.fetch("/")
    assert page.code == 200 and b"<h1>Hello</h1>" in page.body
    form = {"name": "Ada", "_xsrf": app_client.cookies["_xsrf"]}
    page = await app_client.fetch("/", method="POST", form=form, follow_redirects=True)
    assert b"<h1>Hello, Ada</h1>" in page.body


@pytest.mark.gen_test
async def test_post_without_a_token_is_refused(app_client: InProcessClient) -> None:
    assert (await app_client.fetch("/", method="POST", form={"name": "Ada"})).code == 403
'''

FILES = {
    "app.py": _APP,
    "templates/home.html": _PAGE,
    "static/style.css": _STYLE,
    "static/time.js": _SCRIPT,
    "test_app.py": _TESTS,
    "secret.txt": "@SECRET@\n",
    ".gitignore": "secret.txt\n__pycache__/\n",
}
