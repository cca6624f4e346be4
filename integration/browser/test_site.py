"""A site of ours in headless Chromium: sign-in, forms, uploads, events, caching, the debug page."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Page

pytestmark = pytest.mark.browser

AT = "return location.pathname === arguments[0] && document.readyState === 'complete'"
TITLED = "return document.title.startsWith(arguments[0])"  # waited for: the page before has a title, too
TEXT_OF = "const found = document.querySelector(arguments[0]); return found && found.textContent"
SIZES = [(1280, 900, "light"), (1280, 900, "dark"), (375, 667, "light")]


def counts(url: str) -> dict[str, int]:
    with urllib.request.urlopen(url + "counts", timeout=30) as response:
        found: dict[str, int] = json.load(response)
    return found


def sign_in(page: Page, password: str = "correct horse") -> None:
    page.type("#name", "Ada <b>")
    page.type("#password", password)
    page.click("#send")


def test_login_leads_back_and_the_session_lasts_until_signing_out(
    serve: Callable[[str], str], new_page: Callable[..., Page]
) -> None:
    url, page = serve("run"), new_page()
    page.open(url + "notes?page=2")
    page.wait_for(AT, "/login")
    assert page.run("return new URLSearchParams(location.search).get('next')") == "/notes?page=2"
    sign_in(page)
    page.wait_for(AT, "/notes")
    assert page.run("return location.search") == "?page=2" and page.run(TEXT_OF, "#user") == "Ada <b>"
    assert "user" not in page.run("return document.cookie")  # HttpOnly: no script can steal it
    page.open(url + "notes")
    assert page.run(TEXT_OF, "#user") == "Ada <b>"
    page.click("#leave")
    page.wait_for(AT, "/login")
    page.open(url + "notes")
    page.wait_for(AT, "/login")


def test_wrong_password_signs_nobody_in(serve: Callable[[str], str], new_page: Callable[..., Page]) -> None:
    url, page = serve("run"), new_page()
    page.open(url + "login")
    sign_in(page, "guess")
    page.wait_for(TITLED, "403: Wrong password")
    page.open(url + "notes")
    page.wait_for(AT, "/login")


def test_form_is_taken_with_its_token_and_shown_as_text(
    serve: Callable[[str], str], new_page: Callable[..., Page]
) -> None:
    url, page = serve("run"), new_page()
    page.open(url + "login?next=/notes")
    sign_in(page)
    page.wait_for(AT, "/notes")
    page.type("#note", "<img src=x onerror=alert(1)>")
    page.click("#send")
    assert page.wait_for(TEXT_OF, ".note") == "<img src=x onerror=alert(1)>"
    page.run("document.querySelector('input[name=_xsrf]').value = 'forged'")
    page.type("#note", "second")
    page.click("#send")
    page.wait_for(TITLED, "403")
    page.open(url + "notes")
    assert page.run("return document.querySelectorAll('.note').length") == 1


def test_form_that_another_site_posts_is_refused(serve: Callable[[str], str], new_page: Callable[..., Page]) -> None:
    url = serve("run")
    page = new_page("--host-resolver-rules=MAP other.example 127.0.0.1")
    page.open(url + "login?next=/notes")
    sign_in(page)
    page.wait_for(AT, "/notes")
    page.open(url.replace("127.0.0.1", "other.example") + "login")
    page.run(
        "const form = document.createElement('form'); form.method = 'post'; form.action = arguments[0];"
        "form.innerHTML = '<input name=note value=forged>'; document.body.append(form); form.submit();",
        url + "notes",
    )
    page.wait_for(TITLED, "403")
    page.open(url + "notes")
    assert page.run("return document.querySelectorAll('.note').length") == 0


def test_upload_shows_its_progress(serve: Callable[[str], str], new_page: Callable[..., Page], tmp_path: Path) -> None:
    size = 300_000_000  # takes longer than the 50 ms between which a browser tells of progress
    with (tmp_path / "film.bin").open("wb") as film:
        film.truncate(size)
    page = new_page()
    page.open(serve("run") + "upload")
    page.type("#file", str(tmp_path / "film.bin"))
    assert page.wait_for(TEXT_OF, "#result") == f"200 {size}"
    progress = page.run("return window.progress")
    assert progress[-1] == [size, size] and progress[0][0] < size, progress
    assert progress == sorted(progress)


def test_events_come_in_order_and_go_on_where_they_stopped_after_a_reconnect(
    serve: Callable[[str], str], new_page: Callable[..., Page]
) -> None:
    url, page = serve("run"), new_page()
    page.open(url + "events.html")
    page.wait_for("return document.querySelectorAll('#events li').length === 7")
    texts = page.run("return Array.from(document.querySelectorAll('#events li'), item => item.textContent)")
    assert texts == [f"{number}: line one of {number}\nline two" for number in range(1, 8)]
    assert counts(url)["streams"] == 3
    assert page.console() == []


def test_second_load_of_a_page_asks_for_none_of_its_static_files(
    serve: Callable[[str], str], new_page: Callable[..., Page]
) -> None:
    url, page = serve("run"), new_page()
    page.open(url + "login")
    page.wait_for("return window.loaded")
    assert counts(url) == {"static 200": 2}
    page.open(url + "upload")
    page.wait_for("return window.loaded")
    page.open(url + "login")
    page.wait_for("return window.loaded")
    assert counts(url) == {"static 200": 2}


@pytest.mark.parametrize(("width", "height", "scheme"), SIZES)
def test_debug_page_shows_what_went_wrong_and_fits(
    serve: Callable[[str], str],
    new_page: Callable[..., Page],
    screenshots: Path,
    width: int,
    height: int,
    scheme: str,
) -> None:
    url, page = serve("dev"), new_page()
    page.resize(width, height)
    if scheme == "dark":
        page.dark()
    page.open(url + "broken?basket=7&token=very-secret")
    page.screenshot(screenshots / f"debug-{width}-{scheme}.png")
    assert page.run(TEXT_OF, "h1") == "500 ZeroDivisionError"
    shown = page.run("return document.body.innerText")
    assert "division by zero" in shown and 'each = basket["apples"] / basket["pears"]' in shown
    assert "<b>not markup</b>" in page.run("return document.body.textContent")
    whole = page.run("return document.documentElement.outerHTML")
    assert "hunter2" not in page.run("return Array.from(document.querySelectorAll('td'), cell => cell.textContent)")
    assert "very-secret" not in whole
    # The application's own line first, and open; nothing is loaded from elsewhere; nothing is wider than the page.
    assert "site_app.py" in page.run(TEXT_OF, "details[open] summary")
    # But what `dev` is asked: whether the application has started again.
    loaded = page.run("return performance.getEntriesByType('resource').map(e => new URL(e.name).pathname)")
    assert set(loaded) <= {"/favicon.ico", "/.waterspout-dev"}
    assert page.run("return document.documentElement.scrollWidth") <= width
    assert page.run("return document.querySelectorAll('script').length") == 1, "the one that asks"
    assert page.run("return document.querySelectorAll('script[src]').length") == 0


@pytest.mark.parametrize(("width", "height", "scheme"), SIZES)
def test_page_for_an_unknown_path_lists_the_routes(
    serve: Callable[[str], str],
    new_page: Callable[..., Page],
    screenshots: Path,
    width: int,
    height: int,
    scheme: str,
) -> None:
    page = new_page()
    page.resize(width, height)
    if scheme == "dark":
        page.dark()
    page.open(serve("dev") + "nowhere")
    page.screenshot(screenshots / f"debug-404-{width}-{scheme}.png")
    assert page.run(TEXT_OF, "h1") == "404 Not Found"
    routes = page.run("return Array.from(document.querySelectorAll('td:first-child'), cell => cell.textContent)")
    assert {"/login$", "/notes$", "/broken$"} <= set(routes), routes
    assert page.run("return document.documentElement.scrollWidth") <= width
