"""The chat page in headless Chromium: two browsers talk to each other, and the page fits a phone and a desktop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import ChatServer, Page

pytestmark = pytest.mark.browser

ENTER = "\ue007"
CONNECTED = "return document.getElementById('state').textContent === 'Connected'"
TEXTS = "return Array.from(document.querySelectorAll('.text'), item => item.textContent)"
SHOWS = "return Array.from(document.querySelectorAll('.text')).some(item => item.textContent === arguments[0])"
CONVERSATION = (
    ("ada", "Morning! Did the mill survive the storm last night?"),
    ("ben", "It did. One sail is torn, the rest is fine."),
    (
        "ben",
        "I will be up on the cap this afternoon with a needle and a lot of thread, if the wind lets me."
        " Bring the long ladder if you can carry it.",
    ),
    ("ada", "I can. See you at three."),
    (
        "ben",
        "https://example.invalid/a/very/long/address/without/any/blank/that/has/to/break/somewhere/or/it/would/widen/the/page",
    ),
    ("ada", "Noted.\nAnd the flour is sold out again."),
)


@pytest.fixture
def two_pages(chat: ChatServer, new_page: Callable[[], Page]) -> tuple[Page, Page]:
    pages = new_page(), new_page()
    for page, name in zip(pages, ("Ada", "Ben"), strict=True):
        page.open(chat.url)
        page.wait_for(CONNECTED)
        page.type("#name", name)
    chat.wait_for_waiting(2)
    return pages


def test_message_of_one_browser_appears_in_the_other_and_back(chat: ChatServer, two_pages: tuple[Page, Page]) -> None:
    ada, ben = two_pages
    ada.type("#text", "hello from Ada" + ENTER)
    ben.wait_for(SHOWS, "hello from Ada")
    ben.type("#text", "hello from Ben")
    ben.click("#send")
    ada.wait_for(SHOWS, "hello from Ben")
    assert ada.run(TEXTS) == ben.run(TEXTS) == ["hello from Ada", "hello from Ben"]
    assert ada.run("return document.querySelector('#text').value") == ""
    assert [page.run("return document.querySelectorAll('.own').length") for page in two_pages] == [1, 1]
    chat.wait_for_waiting(2)
    assert [page.console() for page in two_pages] == [[], []]


def test_message_is_shown_as_text_and_not_as_markup(two_pages: tuple[Page, Page]) -> None:
    ada, ben = two_pages
    ada.type("#text", "<b>bold</b> & <img src=x onerror=alert(1)>" + ENTER)
    ben.wait_for(SHOWS, "<b>bold</b> & <img src=x onerror=alert(1)>")
    assert ben.run("return document.querySelectorAll('.text *').length") == 0


def test_late_page_sees_what_was_said_before(
    chat: ChatServer, two_pages: tuple[Page, Page], new_page: Callable[[], Page]
) -> None:
    two_pages[0].type("#text", "early" + ENTER)
    late = new_page()
    late.open(chat.url)
    late.wait_for(SHOWS, "early")


def test_page_that_is_closed_or_left_leaves_no_poll_behind_and_no_traceback(
    chat: ChatServer, two_pages: tuple[Page, Page]
) -> None:
    ada, ben = two_pages
    ben.close_window()
    chat.wait_for_waiting(1)
    ada.type("#text", "still here" + ENTER)
    ada.wait_for(SHOWS, "still here")
    ada.open("about:blank")
    chat.wait_for_waiting(0)
    ada.back()
    ada.wait_for(CONNECTED)
    chat.wait_for_waiting(1)
    ada.close_window()
    chat.wait_for_waiting(0)
    assert chat.stop() == ""


def test_page_says_when_the_server_is_gone_and_keeps_the_text(chat: ChatServer, two_pages: tuple[Page, Page]) -> None:
    ada = two_pages[0]
    chat.stop()
    ada.wait_for("return document.getElementById('state').classList.contains('lost')")
    ada.type("#text", "precious words" + ENTER)
    ada.wait_for("return document.getElementById('problem').textContent")
    assert ada.run("return document.querySelector('#text').value") == "precious words"


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1280, 800, "light"), (1280, 800, "dark"), (375, 667, "light"), (320, 568, "light")]
)
def test_page_fits_desktop_and_phone(
    chat: ChatServer, two_pages: tuple[Page, Page], screenshots: Path, width: int, height: int, scheme: str
) -> None:
    ada, ben = two_pages
    ada.resize(width, height)
    if scheme == "dark":
        ada.dark()
    ada.screenshot(screenshots / f"chat-{width}-{scheme}-empty.png")
    for name, text in CONVERSATION:
        # Shift-Enter is a new line, Enter sends.
        (ada if name == "ada" else ben).type("#text", text.replace("\n", "\ue008\ue007\ue008") + ENTER)
        for page in two_pages:
            page.wait_for(SHOWS, text)
    ada.screenshot(screenshots / f"chat-{width}-{scheme}.png")
    assert ada.run("return document.documentElement.scrollWidth") <= width
    assert ada.run("return document.documentElement.scrollHeight") <= height
    # Whatever can be touched is large enough for a finger, has a label, and lies inside the page.
    controls = ada.run(
        """return Array.from(document.querySelectorAll('input, textarea, button'), item => {
            const box = item.getBoundingClientRect();
            return [item.id, box.height, box.left, box.right, box.bottom, (item.labels[0] || item).textContent.trim()];
        })"""
    )
    for name, tall, left, right, bottom, label in controls:
        assert tall >= 40 and left >= 0 and right <= width and bottom <= height and label, (name, controls)
    # The latest message is in sight.
    assert (
        ada.run(
            "const log = document.getElementById('log'); return log.scrollHeight - log.scrollTop - log.clientHeight"
        )
        <= 2
    )
