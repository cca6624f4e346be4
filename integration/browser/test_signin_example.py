"""The sign-in example in headless Chromium: there, in, out, and "no", on a desktop and a phone."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Page

pytestmark = pytest.mark.browser

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "signin" / "app.py"
ENTER = "\ue007"
HEADING = "return document.querySelector('h1')?.textContent"
IS = "return document.querySelector('h1')?.textContent === arguments[0]"
TEXT = "return document.body.innerText"


@pytest.fixture
def example() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), "--port", "0", "--verbose"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture
def url(example: subprocess.Popen[str]) -> str:
    assert example.stdout is not None
    printed = ""
    while "Ctrl-C" not in printed:
        line = example.stdout.readline()
        if not line:
            raise RuntimeError(f"the example has ended: {example.communicate(timeout=10)}")
        printed += line
    found = re.search(r"http://\S+/", printed)
    assert found
    return found[0]


def sign_in(page: Page, url: str, name: str) -> None:
    page.open(url)
    page.wait_for(IS, "Welcome")
    page.click("#sign-in")
    page.wait_for(IS, "Sign in to the example")
    page.type("#name", name)
    page.click("#agree")
    page.wait_for(IS, name)


def test_a_user_signs_in_sees_the_members_page_and_signs_out(
    url: str, example: subprocess.Popen[str], new_page: Callable[[], Page]
) -> None:
    page = new_page()
    sign_in(page, url, "Ada Lovelace")
    assert page.run("return location.href") == url
    assert "adalovelace@demo.example" in page.run(TEXT)
    page.click("#members")
    page.wait_for(IS, "For members only")
    assert "Ada Lovelace" in page.run("return document.getElementById('facts').innerText")
    page.back()
    page.wait_for(IS, "Ada Lovelace")
    page.click("#sign-out")
    page.wait_for(IS, "Welcome")
    # The provider has let go of the user, too.
    page.click("#sign-in")
    page.wait_for(IS, "Sign in to the example")
    assert page.console() == []
    # What was logged meanwhile holds no code and no token.
    example.terminate()
    _, log = example.communicate(timeout=10)
    assert "callback?code=***&" in log and "Traceback" not in log
    assert not re.search(r"(?:code|token|hint)=(?!\*\*\*|S256)[^&\s]", log.replace("response_type=code", ""))


def test_a_page_for_members_is_where_the_sign_in_leads_back_to(url: str, new_page: Callable[[], Page]) -> None:
    page = new_page()
    page.open(url + "members")
    page.wait_for(IS, "Sign in to the example")
    page.type("#name", "Ben" + ENTER)
    page.wait_for(IS, "For members only")
    assert page.run("return location.href") == url + "members"


def test_a_name_is_shown_as_text_and_not_as_markup(url: str, new_page: Callable[[], Page]) -> None:
    page = new_page()
    sign_in(page, url, "<b>Eve</b> & <script>alert(1)</script>")
    assert page.run("return document.querySelectorAll('h1 b, main script').length") == 0


def test_who_does_not_agree_is_told_so_and_may_try_again(
    url: str, new_page: Callable[[], Page], screenshots: Path
) -> None:
    page = new_page()
    page.open(url + "signin/demo")
    page.wait_for(IS, "Sign in to the example")
    page.click("#refuse")
    page.wait_for(IS, "Not signed in")
    page.screenshot(screenshots / "signin-refused.png")
    page.click("a")
    page.wait_for(IS, "Sign in to the example")
    page.open(url)
    page.wait_for(IS, "Welcome")


def test_a_way_back_that_was_used_leads_nowhere(url: str, new_page: Callable[[], Page]) -> None:
    page = new_page()
    page.open(url + "signin/demo/callback?code=x&state=y")
    page.wait_for(IS, "Not signed in")
    assert "The check that failed: state." in page.run(TEXT)
    page.open(url)
    page.wait_for(IS, "Welcome")


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1280, 800, "light"), (1280, 800, "dark"), (375, 667, "light"), (320, 568, "dark")]
)
def test_pages_fit_desktop_and_phone(
    url: str, new_page: Callable[[], Page], screenshots: Path, width: int, height: int, scheme: str
) -> None:
    page = new_page()
    page.resize(width, height)
    if scheme == "dark":
        page.dark()
    name = "Ada Augusta King-Noel, Countess of Lovelace-and-Somewhere"

    def look(kind: str) -> None:
        page.screenshot(screenshots / f"signin-{width}-{scheme}-{kind}.png")
        assert page.run("return document.documentElement.scrollWidth") <= width, kind
        controls = page.run(
            """return Array.from(document.querySelectorAll('main :is(a, button, input:not([type=hidden]))'), item => {
                const box = item.getBoundingClientRect();
                return [box.height, box.left, box.right, (item.labels?.[0] || item).textContent.trim()];
            })"""
        )
        assert controls
        for tall, left, right, label in controls:
            assert tall >= 40 and left >= 0 and right <= width and label, (kind, controls)

    page.open(url)
    page.wait_for(IS, "Welcome")
    look("welcome")
    page.click("#sign-in")
    page.wait_for(IS, "Sign in to the example")
    look("provider")
    page.type("#name", name)
    page.click("#agree")
    page.wait_for(IS, name)
    look("signed-in")
    page.click("#members")
    page.wait_for(IS, "For members only")
    look("members")
