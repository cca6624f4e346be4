"""The to-do example in headless Chromium, with scripts switched off by its own policy, at two widths."""

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

APP = Path(__file__).resolve().parents[2] / "examples/todo/app.py"
AT = "return location.pathname === arguments[0] && document.readyState === 'complete'"
TASKS = (
    "return [...document.querySelectorAll('li')].map(each => [each.querySelector('span').textContent, each.className])"
)
SIZES = [(1280, 800, "light"), (1280, 800, "dark"), (375, 667, "light")]


@pytest.fixture
def todo(tmp_path: Path) -> Iterator[str]:
    command = [sys.executable, str(APP), "--port", "0", "--database", str(tmp_path / "todo.db")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        found = re.search(r"http://\S+:\d+", process.stderr.readline())
        assert found
        yield found[0] + "/"
    finally:
        process.terminate()
        process.communicate(timeout=10)


def pictures(page: Page, folder: Path, name: str) -> None:
    for width, height, scheme in SIZES:
        page.resize(width, height)
        if scheme == "dark":
            page.dark()
        assert page.run("return document.documentElement.scrollWidth") <= width, f"{name} is wider than {width}"
        page.screenshot(folder / f"todo-{name}-{width}-{scheme}.png")
    page.resize(1280, 800)


def test_list_is_kept_by_hand(todo: str, new_page: Callable[..., Page], screenshots: Path) -> None:
    page = new_page()
    page.open(todo)
    page.wait_for(AT, "/signin")
    page.type("#name", "Ada")
    page.type("#password", "correct horse\ue007")  # Enter signs in, and does not register
    page.wait_for("return document.querySelector('.error')")
    assert page.run("return document.querySelector('#name').value") == "Ada"
    pictures(page, screenshots, "signin")
    page.type("#password", "correct horse")
    page.click("#new")
    page.wait_for(AT, "/")
    for text in (
        "Buy milk\ue007",
        "Water the plants, those on the balcony and the one in the bath\ue007",
        "<b>x</b>\ue007",
    ):
        before = len(page.run(TASKS))
        page.type("#text", text)
        page.wait_for("return document.querySelectorAll('li').length === arguments[0]", before + 1)
    page.click("li .tick")
    page.wait_for("return document.querySelector('li.done')")
    assert page.run(TASKS)[1:] == [["<b>x</b>", ""], ["Buy milk", "done"]]
    assert page.run("return document.title") == "2 to do"
    pictures(page, screenshots, "tasks")
    page.click("#clear")
    page.wait_for("return document.querySelectorAll('li').length === 2")
    page.click("#signout")
    page.wait_for(AT, "/signin")
    page.back()
    assert page.wait_for("return document.readyState === 'complete' && location.pathname") == "/signin"
    errors = [line for line in page.console() if " 403 " not in line]  # the answer to the wrong password, above
    assert errors == []
