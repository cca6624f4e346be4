"""The examples that are one thought each, started by the command of their README and used by httpx."""

from __future__ import annotations

import functools
import hashlib
import html
import http.server
import json
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
WAIT_SECONDS = 30.0
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # httpx's own reads all certificates for each client: 50 ms
PIECE = bytes(range(256)) * 4096  # 1 MiB

Start = Callable[..., "Running"]


class Running:
    """A server that logs its address as ``http://127.0.0.1:PORT``, and a client for it."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        seen = []
        for line in self.process.stderr:
            seen.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        else:
            raise RuntimeError(f"{command} ended without an address: {''.join(seen)}")
        self.url = found[0]
        self.client = httpx.Client(base_url=self.url, timeout=WAIT_SECONDS, trust_env=False, verify=NO_TLS)

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """The exit code, and what was logged after the address."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode, errors

    def peak_memory(self) -> int:
        """The most bytes that were resident at once."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found, status
        return int(found[1]) * 1024

    def events(self, path: str, count: int, last: str = "") -> list[tuple[int, dict[str, float]]]:
        """The first *count* events, then the connection is closed."""
        headers = {"Last-Event-ID": last} if last else {}
        with self.client.stream("GET", path, headers=headers) as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            lines = response.iter_lines()
            found = []
            while len(found) < count:
                number, data, empty = (next(lines) for _ in range(3))
                assert number.startswith("id: ") and data.startswith("data: ") and not empty
                found.append((int(number[4:]), json.loads(data[6:])))
        return found


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Running] = []

    def start_example(script: str, *arguments: str) -> Running:
        running.append(Running(str(EXAMPLES / script), *arguments))
        return running[-1]

    try:
        yield start_example
    finally:
        for example in running:
            example.stop(signal.SIGKILL)


@pytest.mark.parametrize(
    ("script", "arguments", "text"),
    [
        ("hello/app.py", ["0"], "Hello, world"),
        ("dashboard/app.py", ["--port", "0"], "<title>Dashboard</title>"),
        ("upload/app.py", ["--port", "0"], "<title>Upload</title>"),
        ("fastapi_inside/app.py", ["0"], "<h1>Our own page</h1>"),
    ],
)
def test_example_answers_and_ends_quietly_on_ctrl_c(start: Start, script: str, arguments: list[str], text: str) -> None:
    if script.startswith("fastapi"):
        pytest.importorskip("fastapi", reason="pip install fastapi")
    example = start(script, *arguments)
    page = example.client.get("/")
    assert page.status_code == 200 and text in page.text
    assert not re.findall(r"(?:src|href|url\()=?[\"']?(?:https?:)?//", page.text), "something from elsewhere"
    code, logged = example.stop()
    assert code == 0 and "Traceback" not in logged and " E " not in logged, logged


def upload_through(client: httpx.Client, size: int) -> tuple[httpx.Response, str]:
    """Send *size* MiB as one file of a form with a field before it; and their digest."""
    boundary = "frontier"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="note"\r\n\r\nnot a file\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'
    )

    def form() -> Iterator[bytes]:
        yield head.encode()
        for _ in range(size):
            yield PIECE
        yield f"\r\n--{boundary}--\r\n".encode()

    digest = hashlib.sha256()
    for _ in range(size):
        digest.update(PIECE)
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return client.post("/files", content=form(), headers=kind), digest.hexdigest()


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize("by_proxy", [False, True], ids=["direct", "by proxy"])
def test_upload_is_hashed_without_being_kept(start: Start, by_proxy: bool) -> None:
    uploads = start("upload/app.py", "--port", "0")
    servers = [uploads]
    if by_proxy:
        servers.append(start("reverse_proxy/app.py", "--to", uploads.url, "--port", "0"))
    assert upload_through(servers[-1].client, 1)[0].status_code == 200
    before = [each.peak_memory() for each in servers]
    response, digest = upload_through(servers[-1].client, 96)
    assert response.json() == {"files": [{"name": "large.bin", "size": 96 * len(PIECE), "sha256": digest}]}
    grown = [each.peak_memory() - least for each, least in zip(servers, before, strict=True)]
    assert max(grown) < 16 * 2**20, grown


def test_upload_without_a_file_or_form_is_refused(start: Start) -> None:
    uploads = start("upload/app.py", "--port", "0")
    assert uploads.client.post("/files", files={"note": (None, b"text")}).status_code == 400
    assert uploads.client.post("/files", json={}).status_code == 415


def test_dashboard_viewers_are_counted_and_come_back_where_they_left(start: Start) -> None:
    dashboard = start("dashboard/app.py", "--port", "0")
    first = dashboard.events("/readings", 3)
    # The first event may have been made before anybody looked on.
    assert [number for number, _ in first] == [1, 2, 3]
    assert first[-1][1]["viewers"] == 1 and first[-1][1]["late"] >= 0
    again = dashboard.events("/readings", 2, last="2")
    assert [number for number, _ in again] == [3, 4] and again[0] == first[2]
    for unknown in ("999999", "-1", "one", "9" * 40):
        assert dashboard.events("/readings", 1, last=unknown)[0][0] == 1


def test_events_pass_through_the_proxy_as_they_come(start: Start) -> None:
    dashboard = start("dashboard/app.py", "--port", "0")
    proxy = start("reverse_proxy/app.py", "--to", dashboard.url, "--port", "0")
    # The stream has no end: had the proxy waited for one, nothing would be here.
    assert [number for number, _ in proxy.events("/readings", 3)] == [1, 2, 3]


class Site(http.server.BaseHTTPRequestHandler):
    """Pages from a dictionary; what was asked for is counted."""

    protocol_version = "HTTP/1.1"

    def __init__(self, pages: dict[str, list[str]], asked: Counter[str], *arguments: object) -> None:
        self.pages, self.asked = pages, asked
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.asked[self.path] += 1
        links = self.pages.get(self.path)
        body = "".join(f'<a href="{html.escape(each)}">x</a>' for each in links or ()).encode()
        self.send_response(404 if links is None else 302 if self.path == "/moved" else 200)
        if self.path == "/moved":
            self.send_header("Location", "/")
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("X-Seen", json.dumps({name.lower(): value for name, value in self.headers.items()}))
        self.send_header("Keep-Alive", "timeout=5")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def site() -> Iterator[tuple[str, Counter[str]]]:
    pages = {
        "/": ["/a", "b?x=1&y=2", "/a#part", "http://elsewhere.invalid/", "mailto:a@b"],
        "/a": ["/", "/missing", "/moved"],
        "/b?x=1&y=2": ["./a", "javascript:1"],
        "/moved": [],
    }
    asked: Counter[str] = Counter()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Site, pages, asked)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


def test_proxy_passes_on_what_is_end_to_end_and_nothing_else(start: Start, site: tuple[str, Counter[str]]) -> None:
    proxy = start("reverse_proxy/app.py", "--to", site[0], "--port", "0")
    headers = {"Connection": "X-Private", "X-Private": "1", "X-Public": "2", "Accept-Encoding": "gzip"}
    answer = proxy.client.get("/b?x=1&y=2", headers=headers)
    assert answer.status_code == 200
    assert answer.headers.get_list("Set-Cookie") == ["a=1", "b=2"] and "Keep-Alive" not in answer.headers
    assert answer.headers.get_list("Server")[0].startswith("BaseHTTP") and len(answer.headers.get_list("Date")) == 1
    seen = json.loads(answer.headers["X-Seen"])
    assert "x-private" not in seen and seen["x-public"] == "2" and seen["accept-encoding"] == "gzip"
    assert seen["x-forwarded-for"] == "127.0.0.1" and "http://" + seen["x-forwarded-host"] == proxy.url
    assert "http://" + seen["host"] == site[0]
    moved = proxy.client.get("/moved", follow_redirects=False)
    assert (moved.status_code, moved.headers["Location"]) == (302, "/")
    assert proxy.client.get("/nowhere").status_code == 404
    asked_by_head = proxy.client.head("/a")
    assert (asked_by_head.status_code, asked_by_head.content) == (200, b"")
    assert int(asked_by_head.headers["Content-Length"]) > 0


def test_proxy_says_502_for_a_server_that_is_gone(start: Start) -> None:
    gone = start("hello/app.py", "0")
    proxy = start("reverse_proxy/app.py", "--to", gone.url, "--port", "0")
    assert proxy.client.get("/").text == "Hello, world"
    gone.stop(signal.SIGKILL)
    assert proxy.client.get("/").status_code == 502


def test_crawler_visits_each_page_of_the_site_once(site: tuple[str, Counter[str]]) -> None:
    url, asked = site
    command = [sys.executable, str(EXAMPLES / "crawler/app.py"), url + "/", "--workers", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS)
    assert done.returncode == 0 and done.stderr == "", done
    # "/moved" leads to "/", which the client follows.
    assert asked == {"/": 2, "/a": 1, "/b?x=1&y=2": 1, "/missing": 1, "/moved": 1}
    assert f"failed  {url}/missing: " in done.stdout and "404" in done.stdout
    assert re.search(r"^5 pages, 1 failed, in \d", done.stdout, re.MULTILINE)


def test_fastapi_answers_below_its_prefix_and_knows_it(start: Start) -> None:
    pytest.importorskip("fastapi", reason="pip install fastapi")
    example = start("fastapi_inside/app.py", "0")
    assert example.client.get("/api/items/7").json() == {"item": 7}
    assert example.client.get("/api/items/seven").status_code == 422
    assert example.client.get("/api/openapi.json").json()["servers"] == [{"url": "/api"}]
    assert example.client.get("/items/7").status_code == 404


def test_application_of_ours_answers_under_uvicorn() -> None:
    pytest.importorskip("uvicorn", reason="pip install uvicorn")
    example = Running("-m", "uvicorn", "--app-dir", str(EXAMPLES / "under_uvicorn"), "app:app", "--port", "0")
    try:
        assert example.client.get("/").json() == {"hello": "world"}
        answer = example.client.get("/?name=Ada")
        assert answer.json() == {"hello": "Ada"} and answer.headers["Server"] == "uvicorn"
        assert example.stop(signal.SIGINT)[0] in (0, -signal.SIGINT)
    finally:
        example.stop(signal.SIGKILL)
