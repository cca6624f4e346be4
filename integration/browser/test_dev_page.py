"""`waterspout dev` in headless Chromium: a page that says why a file does not load, and goes when it is mended."""

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
