"""`waterspout dev` in headless Chromium: pages that say what is wrong, and go when it is mended."""

from __future__ import annotations

import os
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

GOOD = """
from waterspout import web

class Home(web.RequestHandler):
    def get(self):
        self.write("<!DOCTYPE html><title>home</title><h1>served</h1>")

    post = get

app = web.Application([("/", Home)])
"""
FAILS = GOOD.replace("self.write(", "self.wriet(")
FORM = GOOD.replace("</h1>", "</h1><form method=post><button>send</button></form>").replace(
    "    post = get", "    def post(self):\n        raise ValueError('not yet')"
)
BAD = GOOD.replace("def get(self):", "def get(self:")
WORSE = GOOD + "\nraise RuntimeError('<i>' + 'very long text, ' * 30)\n"
HEADING = "return document.querySelector('h1').textContent.includes(arguments[0])"


@pytest.fixture
def developed(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """The file of a running application, and the address."""
    file = tmp_path / "app.py"
    file.write_text(GOOD)
    command = [sys.executable, "-m", "waterspout", "dev", str(file), "--port=0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        yield file, found[0]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def write(file: Path, text: str) -> None:
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(text)
    os.replace(unfinished, file)


def test_page_comes_changes_and_goes_by_itself(
    developed: tuple[Path, str], new_page: Callable[..., Page], screenshots: Path
) -> None:
    file, url = developed
    page = new_page()
    page.open(url)
    assert page.run(HEADING, "served")
    write(file, BAD)
    page.wait_for("location.reload(); return document.title.includes('does not load')")
    page.wait_for(HEADING, "SyntaxError")
    assert "def get(self:" in page.run("return document.querySelector('.hit').textContent")
    write(file, WORSE)
    page.wait_for(HEADING, "RuntimeError")
    assert page.run("return document.querySelectorAll('i:not(pre i)').length") == 0
    for width, height in ((1280, 800), (375, 667)):
        page.resize(width, height)
        assert page.run("return document.documentElement.scrollWidth") <= width
        page.screenshot(screenshots / f"dev-{width}.png")
    page.console()
    write(file, GOOD)
    page.wait_for(HEADING, "served")
    assert not [line for line in page.console() if "Content Security Policy" in line]


def test_page_of_a_handler_that_fails_goes_when_it_is_mended(
    developed: tuple[Path, str], new_page: Callable[..., Page], screenshots: Path
) -> None:
    file, url = developed
    page = new_page()
    page.open(url + "?a=1#part")
    write(file, FAILS)
    page.wait_for("if (!document.querySelector('#state')) location.reload(); return document.querySelector('#state')")
    page.console()  # of the page before, if the server had not started again yet
    assert page.run(HEADING, "AttributeError")
    page.screenshot(screenshots / "dev-request.png")
    write(file, BAD)  # what does not load takes the page's place, too
    page.wait_for(HEADING, "SyntaxError")
    write(file, GOOD)
    page.wait_for(HEADING, "served")
    assert page.run("return location.search") == "?a=1"
    assert not [line for line in page.console() if "Content Security Policy" in line]


def test_answer_to_a_form_says_that_the_code_has_changed_and_sends_nothing_again(
    developed: tuple[Path, str], new_page: Callable[..., Page]
) -> None:
    file, url = developed
    page = new_page()
    page.open(url)
    write(file, FORM)
    page.wait_for(
        "if (!document.querySelector('form button')) location.reload(); return document.querySelector('form button')"
    )
    page.run("document.querySelector('form button').click()")
    page.wait_for(HEADING, "ValueError")
    write(file, FORM.replace("not yet", "nor now").replace("<button>send", "<button>send it"))
    page.wait_for("return !document.getElementById('changed').hidden && document.getElementById('state').hidden")
    assert page.run(HEADING, "ValueError") and "not yet" in page.run("return document.body.textContent")
    page.run("document.querySelector('#changed a').click()")
    page.wait_for("const at = document.querySelector('form button'); return at && at.textContent === 'send it'")
