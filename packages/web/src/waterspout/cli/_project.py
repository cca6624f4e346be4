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

_README = """\
# @NAME@

A site made with Waterspout (`waterspout-web`): a page that greets by name, with a form that other sites cannot send, a
signed cookie, and a counter that the server drives by events.

| file | has |
| --- | --- |
| `app.py` | the handlers, the routes, `make_app` |
| `templates/`, `static/` | the page; its style and script |
| `test_app.py` | tests, without a socket |
| `secret.txt` | signs the cookies; yours alone, and not in git |

## Run

    python3 -m venv .venv && . .venv/bin/activate
    pip install waterspout-web pytest
    waterspout dev app.py

From a checkout of Waterspout in place of an index, the second line is this, with your path to it:

    WATERSPOUT=/path/to/waterspout
    pip install "$WATERSPOUT"/packages/{ioloop,http,httpserver,httpclient,web} pytest

Open <http://127.0.0.1:8888/>. Save a file, and the server starts again; a mistake is shown in the browser. A fresh
clone has no secret yet: `python -c "import secrets; print(secrets.token_hex(32))" > secret.txt`

## Test

    pytest
    waterspout check app.py

`check` looks for mistakes in settings, routes and templates; `waterspout routes app.py` lists what leads where.

## Deploy

`waterspout run app.py --workers 2` serves on port 8888 of this machine, without debug pages and reload. With systemd,
`/etc/systemd/system/@NAME@.service`, then `systemctl enable --now @NAME@`:

    [Service]
    Type=notify
    User=www-data
    WorkingDirectory=/srv/@NAME@
    ExecStart=/srv/@NAME@/.venv/bin/waterspout run app.py --workers 2
    ExecReload=/bin/kill -HUP $MAINPID
    Restart=on-failure

    [Install]
    WantedBy=multi-user.target

`systemctl reload` replaces the workers one by one by the code that is on the disk, and no request fails. For TLS and
the world put nginx in front: `proxy_pass http://127.0.0.1:8888;` and `proxy_buffering off;`, or the events come late.
Workers share no memory: messages between them go through `waterspout.pubsub`.
"""

FILES = {
    "README.md": _README,
    "app.py": _APP,
    "templates/home.html": _PAGE,
    "static/style.css": _STYLE,
    "static/time.js": _SCRIPT,
    "test_app.py": _TESTS,
    "secret.txt": "@SECRET@\n",
    ".gitignore": "secret.txt\n__pycache__/\n",
}
