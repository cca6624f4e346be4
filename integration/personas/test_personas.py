"""Each distribution as its users install it: from its wheel, into an environment of its own, doing what it is for.

But for the full stack, whose sign-in needs two packages, the installer may ask no index: what a wheel needs beyond its
siblings would be missing.
"""

from __future__ import annotations

import http.server
import json
import re
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

PROGRAMS = Path(__file__).with_name("programs")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

NETWORK = {"waterspout-ioloop"}
CLIENT = NETWORK | {"waterspout-http", "waterspout-httpclient"}
SERVER = NETWORK | {"waterspout-http", "waterspout-httpserver"}
SITE = CLIENT | SERVER | {"waterspout-web"}
ALL = SITE | {"waterspout-auth", "waterspout"}

Installed = Callable[..., Any]


@pytest.fixture(scope="session")
def install(make_environment, dist: Path) -> Installed:
    """A new environment with one distribution from its wheel, and what that needs; without an index if not `index`."""

    def install(name: str, index: bool = False):
        environment = make_environment()
        (wheel,) = dist.glob(f"{name.replace('-', '_')}-[0-9]*.whl")
        options = [] if index else ["--no-index"]
        environment.uv("install", *options, "--find-links", dist, *siblings(dist, index), wheel)
        environment.uv("check")
        return environment

    return install


def siblings(dist: Path, index: bool) -> list[str | Path]:
    """With an index at hand, the siblings must still be those of this checkout."""
    constraints = dist / "ours.txt"
    if not index:
        return []
    pins = [f"{wheel.name.split('-')[0]} @ {wheel.as_uri()}" for wheel in sorted(dist.glob("*.whl"))]
    constraints.write_text("\n".join(pins) + "\n", encoding="utf-8")
    return ["--constraints", constraints]


class Peer(http.server.BaseHTTPRequestHandler):
    """The standard library's server, for the client to talk to."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/json"):
            self.answer(200, json.dumps({"answer": 42}).encode())
        elif self.path == "/large":
            self.answer(200, b"x" * 3_000_000)
        else:
            self.answer(404, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        kind = self.headers["Content-Type"].partition(";")[0]
        self.answer(200, json.dumps({"type": kind, "body": body}).encode())

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def peer() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(url: str, data: bytes | None = None) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, data, timeout=20) as response:
        return response.read().decode()


def test_ioloop_alone_is_the_networking_layer(install: Installed, certificate: tuple[Path, Path]) -> None:
    environment = install("waterspout-ioloop")
    assert environment.distributions() == NETWORK
    assert environment.run(PROGRAMS / "network.py", *certificate) == "network: done\n"
    for module in ("httputil", "http1", "httpserver", "httpclient", "web", "auth"):
        assert not environment.can_import(f"waterspout.{module}")


def test_ioloop_alone_runs_what_tornados_networking_layer_ran_and_says_what_is_missing(install: Installed) -> None:
    environment = install("waterspout-ioloop")
    program = environment.folder / "program.py"
    program.write_text(
        "import subprocess, sys\n"
        "from tornado import gen, ioloop\n"
        "ioloop.IOLoop.current().run_sync(lambda: gen.sleep(0))\n"
        "code = 'import tornado.ioloop; print(tornado.ioloop.__name__)'\n"
        "print(subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout, end='')\n"
        "try: import tornado.web\n"
        "except ImportError as error: print(error)\n",
        encoding="utf-8",
    )
    first, second = environment.run("-m", "waterspout.tornado", program).splitlines()
    assert first == "waterspout.ioloop"
    assert "pip install waterspout-web" in second


def test_httpclient_alone_serves_a_script(install: Installed, peer: str) -> None:
    environment = install("waterspout-httpclient")
    assert environment.distributions() == CLIENT
    assert environment.run(PROGRAMS / "script.py", peer) == "script: done\n"
    assert json.loads(environment.run("-m", "waterspout.httpclient", peer + "json")) == {"answer": 42}
    for module in ("httpserver", "routing", "web", "auth"):
        assert not environment.can_import(f"waterspout.{module}")


def test_httpserver_alone_serves(install: Installed) -> None:
    environment = install("waterspout-httpserver")
    assert environment.distributions() == SERVER
    for module in ("httpclient", "web", "auth"):
        assert not environment.can_import(f"waterspout.{module}")
    with environment.serve(PROGRAMS / "server.py") as url:
        assert fetch(url + "some/where") == "you asked for /some/where\n"
        assert fetch(url + "wsgi", b"a body") == "wsgi got a body"
        assert fetch(url + "asgi/x") == "asgi at /asgi/x"


def test_web_serves_a_site(install: Installed) -> None:
    environment = install("waterspout-web")
    assert environment.distributions() == SITE
    assert not environment.can_import("waterspout.auth")
    with environment.serve(PROGRAMS / "site.py") as url, httpx.Client(base_url=url, trust_env=False) as browser:
        page = browser.get("/")
        assert page.text.startswith("<p>&lt;nobody&gt;</p>")
        token = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
        assert token
        assert browser.post("/", data={"name": "Ada"}).status_code == 403
        assert browser.post("/", data={"name": "Ada", "_xsrf": token[1]}).json() == {"name": "Ada"}
        assert browser.get("/around").json() == {"page": True, "echo": "hello"}
        answers: list[str] = []
        poll = threading.Thread(target=lambda: answers.append(fetch(url + "poll")))
        poll.start()
        limit = time.monotonic() + 20
        while not answers and time.monotonic() < limit:
            fetch(url + "poll", b"")
            time.sleep(0.05)
        poll.join()
        assert answers == ["news"]


def test_a_new_project_does_what_its_readme_says_in_a_fresh_environment(install: Installed, tmp_path: Path) -> None:
    environment = install("waterspout-web")
    environment.uv("install", "pytest")
    shell, project = environment.shell, tmp_path / "mine"
    assert "waterspout dev app.py" in shell("waterspout new mine", tmp_path)
    readme = (project / "README.md").read_text(encoding="utf-8")
    (project / "secret.txt").unlink()  # as in a fresh clone
    secret = re.search(r"`(python -c .* > secret\.txt)`", readme)
    assert secret
    shell(secret[1], project)
    assert re.search(r"## Test\n\n    pytest\n    waterspout check app\.py\n", readme)
    assert "2 passed" in shell("pytest -q", project)
    assert shell("waterspout check app.py", project) == "nothing found\n"
    assert "/time" in shell("waterspout routes app.py", project)
    for command in ("dev app.py", "run app.py --workers 2"):
        assert f"waterspout {command}" in readme
        name, target, *options = command.split()
        with environment.serve("-m", "waterspout", name, project / target, *options, "--port=0") as url:
            assert "<h1>Hello</h1>" in fetch(url)


def test_the_full_stack_signs_users_in(install: Installed) -> None:
    environment = install("waterspout", index=True)
    ours = {name for name in environment.distributions() if name.startswith("waterspout")}
    assert ours == ALL
    with environment.serve(EXAMPLES / "signin" / "app.py", "--port", "0", ending=signal.SIGINT) as line:
        found = re.search(r"http://\S+/", line)
        assert found, line
        with httpx.Client(base_url=found[0], follow_redirects=True, trust_env=False, timeout=20) as browser:
            login = browser.get("members")
            token = re.search(r'name="_xsrf" value="([^"]+)"', login.text)
            assert token and "Sign in to the example" in login.text
            members = browser.post(login.url, data={"name": "Ada", "answer": "yes", "_xsrf": token[1]})
            assert members.url.path == "/members" and "ada@demo.example" in members.text
