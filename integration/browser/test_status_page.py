"""The status page in headless Chromium: numbers that move, charts that are drawn, a break that heals, any width."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Page

pytestmark = pytest.mark.browser

TEXT = "return document.getElementById(arguments[0]).textContent"
SIZES = [(1280, 900, "light"), (1280, 900, "dark"), (375, 812, "light")]


class Visitors:
    """Who asks for pages all the time, and who waits."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._visit, args=(number,)) for number in range(3)]
        host, port = url.removeprefix("http://").rstrip("/").split(":")
        self._polls = [socket.create_connection((host, int(port))) for _ in range(4)]
        for poll in self._polls:
            poll.sendall(b"GET /updates HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for thread in self._threads:
            thread.start()

    def _visit(self, number: int) -> None:
        for turn in range(1_000_000):
            if self._over.wait(0.02):
                return
            path = "broken" if turn % 20 == 0 else f"orders/{turn}" if turn % 2 else ""
            try:
                urllib.request.urlopen(self._url + path, timeout=30).read()
            except urllib.error.HTTPError as error:
                error.close()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for poll in self._polls:
            poll.close()


@pytest.fixture
def visited(serve: Callable[..., str]) -> Iterator[str]:
    url = serve("run", "status_app.py")
    visitors = Visitors(url)
    try:
        yield url
    finally:
        visitors.stop()


def test_numbers_move_and_charts_are_drawn(visited: str, new_page: Callable[..., Page], screenshots: Path) -> None:
    page = new_page()
    page.open(visited + "status")
    page.wait_for("return document.getElementById('state').textContent === 'live'")
    page.wait_for("return document.getElementById('waiting').textContent === '4'")
    page.wait_for("return document.querySelectorAll('#chart-rate polyline')[0].points.numberOfItems >= 8")
    rows = page.run(
        "return [...document.querySelectorAll('#routes tr')].map(row => [...row.cells].map(cell => cell.textContent))"
    )
    routes = {row[0]: row for row in rows}
    assert {"/", "/orders/{}", "/broken", "/updates"} <= set(routes)
    assert routes["/updates"][6] == "4" and int(routes["/broken"][7]) > 0
    assert float(page.run(TEXT, "rate").replace(",", "")) > 0 and page.run(TEXT, "p99") != "0"
    before = page.run(TEXT, "totals")
    page.wait_for("return document.getElementById('totals').textContent !== arguments[0]", before)
    for width, height, scheme in SIZES:
        page.resize(width, height)
        if scheme == "dark":
            page.dark()
        assert page.run("return document.documentElement.scrollWidth") <= width, f"wider than {width}"
        page.screenshot(screenshots / f"status-{width}-{scheme}.png")
    assert page.console() == []


def test_page_finds_back_after_a_restart(chromium: object, new_page: Callable[..., Page]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    app = str(Path(__file__).resolve().parents[1] / "apps/status_app.py")

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "waterspout", "run", app, f"--port={port}", "--address=127.0.0.1"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    page, process = new_page(), start()
    try:
        page.open(f"http://127.0.0.1:{port}/status")
        page.wait_for("return document.getElementById('state').textContent === 'live'")
        before = page.run(TEXT, "process")
        process.terminate()  # it drains, and does not wait for the page
        assert process.wait(30) == 0
        page.wait_for("return document.getElementById('state').textContent.startsWith('connection lost')")
        process = start()
        page.wait_for("return document.getElementById('state').textContent === 'live'")
        page.wait_for("return document.getElementById('process').textContent !== arguments[0]", before)
    finally:
        process.kill()
        process.communicate(timeout=10)


def test_page_elsewhere_cannot_read_it(serve: Callable[..., str], new_page: Callable[..., Page]) -> None:
    url = serve("run", "status_app.py")
    page = new_page("--host-resolver-rules=MAP attacker.test 127.0.0.1")
    page.open(url.replace("127.0.0.1", "attacker.test"))
    assert page.run("return document.body.innerText") == "quick"
    answer = "return fetch('/status/metrics').then(answer => answer.status)"
    assert page.run(answer) == 403
    page.open(url)
    assert page.run(answer) == 200
