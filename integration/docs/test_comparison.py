"""The programs of docs/comparison do the same in each framework, and the page's table has their lines."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from waterspout.websocket import websocket_connect

DOCS = Path(__file__).resolve().parents[2] / "docs"
PROGRAMS = DOCS / "comparison"
FRAMEWORKS = ("waterspout", "fastapi", "litestar")
TASKS = ("hello", "api", "form", "login", "chat")
PATIENCE = 60.0
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # httpx's own reads all certificates for each client: 50 ms


def lines(task: str, framework: str) -> int:
    """Lines that are neither empty nor a comment."""
    text = (PROGRAMS / f"{task}_{framework}.py").read_text(encoding="utf-8")
    return sum(1 for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


@pytest.fixture(params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(framework: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[httpx.Client]:
    """A browser, so to speak, for the program that the test is named after; it keeps cookies."""
    task = request.function.__name__.split("_")[1]
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    program = tmp_path / "program.py"
    program.write_text((PROGRAMS / f"{task}_{framework}.py").read_text().replace("8888", str(port)))
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen([sys.executable, str(program)], cwd=tmp_path, stdout=log, stderr=log)
    try:
        limit = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < limit, (tmp_path / "log").read_text()
                time.sleep(0.05)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, verify=NO_TLS) as browser:
            yield browser
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(PATIENCE)
        finally:
            server.kill()
            server.wait()


def test_hello_is_said(client: httpx.Client) -> None:
    response = client.get("/")
    assert (response.status_code, response.text) == (200, "Hello, world")


def test_api_keeps_items_and_refuses_what_is_none(client: httpx.Client) -> None:
    made = client.post("/items", json={"name": "tea", "price": 2.5})
    assert (made.status_code, made.json()) == (201, {"id": 1, "name": "tea", "price": 2.5})
    assert client.get("/items/1").json() == made.json()
    assert client.get("/items").json() == {"items": [made.json()]}
    assert client.get("/items/2").status_code == 404
    assert client.post("/items", json={"name": "tea"}).status_code in (400, 422)
    assert client.post("/items", json={"name": "tea", "price": "much"}).status_code in (400, 422)


def test_form_takes_a_line_with_its_token_alone(client: httpx.Client) -> None:
    page = client.get("/").text
    found = re.search(r'<input[^>]*name="(\w+)"[^>]*value="([^"]+)"', page)
    assert found, page
    assert client.post("/", data={"line": "spam"}).status_code == 403
    other = ("y" if found[2][0] == "x" else "x") + found[2][1:]
    assert client.post("/", data={"line": "spam", found[1]: other}).status_code == 403
    assert client.post("/", data={"line": "<b>", found[1]: found[2]}).status_code == 303
    page = client.get("/").text
    assert "<li>&lt;b&gt;</li>" in page and "spam" not in page


def test_login_is_remembered_until_logout(client: httpx.Client) -> None:
    away = client.get("/")
    assert away.is_redirect and away.headers["Location"].startswith("/login")
    assert "<form" in client.get("/login").text
    assert client.post("/login", data={"name": "ada", "password": "wrong"}).status_code == 403
    assert client.get("/").is_redirect
    assert client.post("/login", data={"name": "ada", "password": "lovelace"}).status_code == 303
    assert client.get("/").text == "Hello ada"
    assert client.post("/logout").status_code == 303
    assert client.get("/").is_redirect


def test_chat_reaches_everybody(client: httpx.Client) -> None:
    async def talk(url: str) -> None:
        first, second = await websocket_connect(url), await websocket_connect(url)
        for text in ("one", "two"):
            for speaker in (first, second):
                await speaker.write_message(text)
                assert await first.read_message() == text
                assert await second.read_message() == text
        first.close()
        second.close()
        assert await first.read_message() is None and await second.read_message() is None

    url = str(client.base_url.join("/chat")).replace("http:", "ws:")
    asyncio.run(asyncio.wait_for(talk(url), PATIENCE))


def test_the_table_has_the_lines_of_the_programs() -> None:
    page = (DOCS / "comparison.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .*?`(\w+)` \| (\d+) \| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    expected = [(task, *(str(lines(task, framework)) for framework in FRAMEWORKS)) for task in TASKS]
    assert rows == expected


def test_the_minutes_are_the_sums_of_what_was_measured_and_of_typing() -> None:
    """Seconds are of one machine and one day; what is reckoned from the programs is not."""
    page = (DOCS / "comparison.md").read_text(encoding="utf-8")
    cell = r"\*\*([\d.]+)\*\* = (\d+) s \+ ([\d.]+) min \+ ([\d.]+) s"
    rows = re.findall(rf"^\| `(\w+)` \| {cell} \| {cell} \| {cell} \|$", page, re.MULTILINE)
    assert [row[0] for row in rows] == list(TASKS)
    for task, *figures in rows:
        for index, framework in enumerate(FRAMEWORKS):
            minutes, install, typing, start = map(float, figures[4 * index : 4 * index + 4])
            characters = len((PROGRAMS / f"{task}_{framework}.py").read_text(encoding="utf-8"))
            assert typing == pytest.approx(characters / 200, abs=0.051), (task, framework)
            assert minutes == pytest.approx(typing + (install + start) / 60, abs=0.11), (task, framework)
