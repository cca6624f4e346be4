"""Headless Chromium through chromedriver, and the chat room that its pages look at.

The W3C WebDriver protocol is JSON over HTTP; the few commands that the tests need are spoken here directly, so that
beside Debian's ``chromium`` and ``chromium-driver`` nothing has to be installed, and nothing is fetched from outside
at run time.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element reference, WebDriver section 12
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
WAIT_SECONDS = 15.0


class Page:
    """One browser with one page."""

    def __init__(self, driver: str, binary: str, profile: Path, switches: tuple[str, ...] = ()) -> None:
        chrome = {"binary": binary, "args": [*SWITCHES, *switches, f"--user-data-dir={profile}"]}
        logging = {"browser": "ALL"}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": chrome, "goog:loggingPrefs": logging}
        self.session = ""
        self.driver = driver
        self.session = (
            "/session/" + self.command("POST", "/session", capabilities={"alwaysMatch": capabilities})["sessionId"]
        )

    def command(self, method: str, path: str, **arguments: Any) -> Any:
        data = json.dumps(arguments).encode() if method == "POST" else None
        request = urllib.request.Request(
            self.driver + self.session + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            with error:
                value = json.load(error)["value"]
            raise RuntimeError(f"{method} {path}: {value['error']}: {value['message']}") from None

    def open(self, url: str) -> None:
        self.command("POST", "/url", url=url)

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that the JavaScript function body ``script`` returns."""
        return self.command("POST", "/execute/sync", script=script, args=list(arguments))

    def wait_for(self, script: str, *arguments: Any) -> Any:
        """The first true value of ``script``; fails with what the page shows after :data:`WAIT_SECONDS`."""
        limit = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < limit:
            value = self.run(script, *arguments)
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(
            f"never true: {script} {arguments}; the page shows {self.run('return document.body.innerText')!r}"
        )

    def type(self, selector: str, text: str) -> None:
        """Real key presses into the element; ``\\ue007`` is the Enter key (WebDriver section 17.4.2)."""
        found = self.command("POST", "/element", using="css selector", value=selector)[ELEMENT]
        self.command("POST", f"/element/{found}/value", text=text)

    def click(self, selector: str) -> None:
        found = self.command("POST", "/element", using="css selector", value=selector)[ELEMENT]
        self.command("POST", f"/element/{found}/click")

    def resize(self, width: int, height: int) -> None:
        """The size of the page itself, which a window of a desktop browser could not have when it is narrow."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.command("POST", "/goog/cdp/execute", cmd="Emulation.setDeviceMetricsOverride", params=metrics)

    def dark(self) -> None:
        features = [{"name": "prefers-color-scheme", "value": "dark"}]
        self.command("POST", "/goog/cdp/execute", cmd="Emulation.setEmulatedMedia", params={"features": features})

    def screenshot(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.command("GET", "/screenshot")))

    def console(self) -> list[str]:
        """What the page and the network complained about since the last call."""
        return [entry["message"] for entry in self.command("POST", "/se/log", type="browser")]

    def back(self) -> None:
        self.command("POST", "/back")

    def close_window(self) -> None:
        """Close the only window, as a user would; the browser ends with it."""
        self.command("DELETE", "/window")
        self.session = ""

    def close(self) -> None:
        if self.session:
            self.command("DELETE", "")


@pytest.fixture(scope="session")
def chromium() -> tuple[str, str]:
    """The paths of chromium and chromedriver."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("chromium and its driver are not installed: apt-get install chromium chromium-driver")
    return browser, driver


def _announced(process: subprocess.Popen[str], pattern: str) -> str:
    """The first group of ``pattern`` in the output of ``process``, waited for line by line."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if found := re.search(pattern, line):
            return found[1]
    raise RuntimeError(
        f"{process.args!r} ended with {process.wait()}: {seen}{process.stderr.read() if process.stderr else ''}"
    )


@contextlib.contextmanager
def _started(*command: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture(scope="session")
def driver(chromium: tuple[str, str]) -> Iterator[str]:
    """The URL of a running chromedriver."""
    with _started(chromium[1], "--port=0") as process:
        yield "http://127.0.0.1:" + _announced(process, r"started successfully on port (\d+)")


@pytest.fixture
def new_page(driver: str, chromium: tuple[str, str], tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Makes pages, each in a browser of its own with a fresh profile; they are closed after the test.

    ``new_page("--switch", ...)`` gives the browser further switches.
    """
    pages: list[Page] = []

    def make(*switches: str) -> Page:
        pages.append(Page(driver, chromium[0], tmp_path / f"profile{len(pages)}", switches))
        return pages[-1]

    try:
        yield make
    finally:
        for page in pages:
            page.close()


class ChatServer:
    """A chat room of its own for a test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.url = _announced(process, r"(http://\S+)")

    def room(self) -> dict[str, int]:
        with urllib.request.urlopen(self.url + "a/room", timeout=10) as response:
            state: dict[str, int] = json.load(response)
        return state

    def wait_for_waiting(self, count: int) -> None:
        limit = time.monotonic() + WAIT_SECONDS
        while self.room()["waiting"] != count:
            assert time.monotonic() < limit, f"{self.room()} instead of {count} waiting"
            time.sleep(0.02)

    def stop(self) -> str:
        """End it and return what it wrote to its standard error."""
        self.process.terminate()
        return self.process.communicate(timeout=10)[1]


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    with _started(sys.executable, str(ROOT / "examples/chat/app.py"), "--port", "0") as process:
        yield ChatServer(process)


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """``serve("dev")`` or ``serve("run")``: the URL, with a slash at the end, of the site served by that command.

    ``serve("run", "other_app.py")`` serves another one of ``integration/apps``.
    """
    with contextlib.ExitStack() as stack:

        def start(command: str, name: str = "site_app.py") -> str:
            app = str(ROOT / "integration/apps" / name)
            process = stack.enter_context(_started(sys.executable, "-m", "waterspout", command, app, "--port=0"))
            return _announced(process, r"(http://\S+/)$")

        yield start


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where the screenshots go: the folder named by WATERSPOUT_SCREENSHOTS, else the test's own."""
    folder = Path(os.environ.get("WATERSPOUT_SCREENSHOTS") or tmp_path / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
