"""The chat over WebSockets in headless Chromium: two browsers talk to each other; the server says good-bye."""

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

ROOT = Path(__file__).resolve().parents[2]
ENTER = "\ue007"
HERE = "return document.getElementById('state').textContent === `Connected, ${arguments[0]} here`"
TEXTS = "return Array.from(document.querySelectorAll('.text'), item => item.textContent)"
SHOWS = "return Array.from(document.querySelectorAll('.text')).some(item => item.textContent === arguments[0])"


class Room:
    """The example, running on a port of its own."""

    def __init__(self, port: str = "0") -> None:
        command = [sys.executable, str(ROOT / "examples/wschat/app.py"), "--port", port]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found, self.process.stderr and self.process.stderr.read()
        self.url = found[0]

    def stop(self) -> str:
        """End it, and return what it wrote to its standard error."""
        self.process.terminate()
        return self.process.communicate(timeout=20)[1]


@pytest.fixture
def room() -> Iterator[Room]:
    running = Room()
    yield running
    running.stop()


@pytest.fixture
def two_pages(room: Room, new_page: Callable[[], Page]) -> tuple[Page, Page]:
    pages = new_page(), new_page()
    for number, (page, name) in enumerate(zip(pages, ("Ada", "Ben"), strict=True), 1):
        page.open(room.url)
        page.wait_for(HERE, number)
        page.type("#name", name)
    pages[0].wait_for(HERE, 2)
    return pages


def test_messages_go_both_ways_and_a_late_page_sees_them(
    two_pages: tuple[Page, Page], room: Room, new_page: Callable[[], Page]
) -> None:
    ada, ben = two_pages
    ada.type("#text", "hello from Ada" + ENTER)
    ben.wait_for(SHOWS, "hello from Ada")
    ben.type("#text", "<b>hello</b> & from Bén")
    ben.click("#send")
    ada.wait_for(SHOWS, "<b>hello</b> & from Bén")
    assert ada.run(TEXTS) == ben.run(TEXTS) == ["hello from Ada", "<b>hello</b> & from Bén"]
    late = new_page()
    late.open(room.url)
    late.wait_for(SHOWS, "hello from Ada")
    assert late.run(TEXTS) == ada.run(TEXTS)
    assert [page.console() for page in (ada, ben, late)] == [[], [], []]


def test_a_page_that_is_closed_or_left_is_no_longer_counted(two_pages: tuple[Page, Page], room: Room) -> None:
    ada, ben = two_pages
    ben.close_window()
    ada.wait_for(HERE, 1)
    ada.open("about:blank")
    ada.open(room.url)
    ada.wait_for(HERE, 1)
    ada.back()
    ada.back()  # to the first page, which may have been kept
    ada.wait_for(HERE, 1)
    assert room.stop() == ""


def test_pages_hear_that_the_server_stops_and_come_back_to_the_next_one(
    two_pages: tuple[Page, Page], room: Room
) -> None:
    ada, ben = two_pages
    heard = "window.codes = []; socket.addEventListener('close', e => codes.push([e.code, e.reason, e.wasClean]))"
    ada.run(heard)
    assert room.stop() == ""
    assert ada.wait_for("return codes.length && codes") == [[1001, "the room is closing", True]]
    ada.type("#text", "precious words" + ENTER)
    ada.wait_for("return document.getElementById('problem').textContent")
    again = Room(room.url.rstrip("/").rpartition(":")[2])
    try:
        for page in (ada, ben):
            page.wait_for(HERE, 2)
        ada.click("#send")
        ben.wait_for(SHOWS, "precious words")
    finally:
        again.stop()


def test_a_page_of_another_site_cannot_join(room: Room, new_page: Callable[[], Page]) -> None:
    page = new_page()
    page.open("data:text/html,<title>elsewhere</title>")
    page.run(
        "window.ended = null; const ws = new WebSocket(arguments[0]);"
        "ws.onclose = e => { window.ended = e.code }; ws.onopen = () => { window.ended = 'open' }",
        room.url.replace("http", "ws") + "room",
    )
    assert page.wait_for("return window.ended") == 1006
