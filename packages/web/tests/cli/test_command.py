"""The command line as a process: what it prints, serves, refuses, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from waterspout.testing import AsyncHTTPSTestCase

PATIENCE = 110.0  # seconds for what takes a moment, on a machine that may be busy
APP = """
import os
from waterspout import web

class Home(web.RequestHandler):
    def get(self):
        self.write(f"home {os.getpid()}")

class Broken(web.RequestHandler):
    def get(self):
        raise ValueError("on purpose")

def make_app():
    return web.Application([web.url("/", Home, name="home"), ("/broken", Broken)])
"""


WHO = """
from waterspout import web

class Who(web.RequestHandler):
    def get(self):
        self.write(f"{self.request.remote_ip} {self.request.protocol}")

app = web.Application([("/", Who)])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hello.py").write_text(APP)
    return tmp_path


class Program:
    """A command line in a process of its own, its output in a file."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.output = folder / f"output-{time.monotonic_ns()}"
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with self.output.open("wb") as file:
            command = [sys.executable, "-m", "waterspout", *arguments]
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=file, stderr=file, env=environment, start_new_session=True
            )

    def text(self) -> str:
        return self.output.read_text()

    def wait_for(self, pattern: str) -> re.Match[str]:
        limit = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.text())):
            assert self.process.poll() is None and time.monotonic() < limit, f"no {pattern!r} in: {self.text()}"
            time.sleep(0.02)
        return found

    def url(self) -> str:
        return self.wait_for(r"https?://\S+/\n.*\nCtrl-C stops it\n")[0].split("\n")[0]

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@pytest.fixture
def program(folder: Path) -> Iterator[Callable[..., Program]]:
    """``program("run", "hello.py")``: started; killed after the test with all it has started."""
    started: list[Program] = []

    def start(*arguments: str) -> Program:
        started.append(Program(folder, *arguments))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()


def get(url: str, **options: Any) -> tuple[int, str]:
    request = urllib.request.Request(url, headers=options.pop("headers", {}))
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE, **options) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def finished(folder: Path, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "waterspout", *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    return ended.returncode, ended.stdout, ended.stderr


def test_run_says_where_how_and_how_to_stop_and_ends_quietly(program: Callable[..., Program]) -> None:
    running = program("run", "hello.py", "--port", "0")
    url = running.url()
    assert get(url)[1].startswith("home ")
    assert running.end() == 0
    lines = running.text().splitlines()
    assert lines[1:3] == ["production settings, one process", "Ctrl-C stops it"]
    assert "Traceback" not in running.text() and "Interrupt" not in running.text()
    assert all(" 200 GET / " in line for line in lines[3:]), lines


def test_sigterm_ends_it_too(program: Callable[..., Program]) -> None:
    running = program("run", "hello:make_app", "--port=0")
    running.url()
    assert running.end(signal.SIGTERM) == 0


def test_workers_are_processes(program: Callable[..., Program]) -> None:
    running = program("run", "hello.py", "--port=0", "--workers=2")
    url = running.url()
    assert "2 worker processes" in running.text()
    assert get(url)[1] != f"home {running.process.pid}"
    assert running.end() == 0 and "Traceback" not in running.text()


@pytest.mark.parametrize("more", [[], ["--reload"], ["--workers=2"]], ids=["alone", "reload", "workers"])
def test_trusted_proxies_are_believed_and_nobody_else(
    folder: Path, program: Callable[..., Program], more: list[str]
) -> None:
    (folder / "who.py").write_text(WHO)
    trusted = ["--proxy-headers", "--trusted-proxy", "192.0.2.1", "--trusted-proxy=127.0.0.2/31"]
    url = program("run", "who.py", "--port=0", *trusted, *more).url()
    fields = {"X-Forwarded-For": "203.0.113.9, 192.0.2.1", "X-Forwarded-Proto": "https", "X-Real-Ip": "6.6.6.6"}
    assert get(url, headers=fields) == (200, "127.0.0.1 http")
    port = int(url.rpartition(":")[2].rstrip("/"))
    with socket.create_connection(("127.0.0.1", port), PATIENCE, source_address=("127.0.0.3", 0)) as proxy:
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        proxy.sendall(f"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}\r\n".encode())
        with proxy.makefile("rb") as answer:
            assert answer.read().endswith(b"\r\n\r\n203.0.113.9 https")


def test_without_these_options_no_proxy_is_believed(folder: Path, program: Callable[..., Program]) -> None:
    (folder / "who.py").write_text(WHO)
    url = program("run", "who.py", "--port=0").url()
    assert get(url, headers={"X-Forwarded-For": "203.0.113.9"}) == (200, "127.0.0.1 http")


def test_tls(program: Callable[..., Program]) -> None:
    files = AsyncHTTPSTestCase.default_ssl_options()
    running = program("run", "hello.py", "--port=0", f"--certfile={files['certfile']}", f"--keyfile={files['keyfile']}")
    url = running.url()
    assert url.startswith("https://") and get(url, context=ssl._create_unverified_context())[0] == 200
    assert running.end() == 0


def test_dev_shows_errors_and_refuses_other_hosts(program: Callable[..., Program]) -> None:
    running = program("dev", "hello.py", "--port=0")
    url = running.url()
    assert "development" in running.text()
    status, page = get(url + "broken", headers={"Accept": "text/html"})
    assert status == 500 and "on purpose" in page and "hello.py" in page
    assert get(url, headers={"Host": "evil.example"})[0] == 421
    assert running.end() == 0
    assert "KeyboardInterrupt" not in running.text()


def test_dev_starts_again_when_a_file_changes_and_shows_why_one_does_not_load(
    folder: Path, program: Callable[..., Program]
) -> None:
    running = program("dev", "hello.py", "--port=0")
    url = running.url()
    wait_for_answer(url, "home ")
    (folder / "hello.py").write_text(APP.replace("home {", "changed home {") + "\n")
    wait_for_answer(url, "changed home")  # at the same port, although it was any free one
    (folder / "hello.py").write_text(APP + "def f(:\n")
    wait_for_answer(url, "hello.py does not load: SyntaxError")
    status, page = get(url + "any/page?at=all", headers={"Accept": "text/html"})
    assert status == 500 and "def f(:" in page and "reloads by itself" in page
    assert get(url, headers={"Host": "evil.example"})[0] == 421  # it shows source: to this machine alone
    (folder / "hello.py").write_text(APP.replace("import os", "import written_next\nimport os"))
    wait_for_answer(url, "ModuleNotFoundError: No module named 'written_next'")
    (folder / "written_next.py").write_text("")
    wait_for_answer(url, "home ")
    assert running.end() == 0
    text = running.text()
    assert "def f(:" in text and "import written_next" in text and "Traceback" not in text
    assert len(set(re.findall(r"http://\S+/\n", text))) == 1


def test_dev_that_begins_with_a_broken_file_waits_for_it_to_be_mended(
    folder: Path, program: Callable[..., Program]
) -> None:
    (folder / "hello.py").write_text(APP + "raise RuntimeError('not yet')\n")
    running = program("dev", "hello.py", "--port=0")
    url = running.url()
    wait_for_answer(url, "hello.py does not load: RuntimeError: not yet")
    (folder / "hello.py").write_text(APP)
    wait_for_answer(url, "home ")
    assert running.end() == 0


def test_dev_shows_why_an_application_does_not_start_until_it_is_mended(
    folder: Path, program: Callable[..., Program]
) -> None:
    hook = "async def hook(app):\n    raise ConnectionError('no Redis')\n\n"
    (folder / "hello.py").write_text(hook + APP.replace("Broken)]", "Broken)], on_startup=hook"))
    running = program("dev", "hello.py", "--port=0")
    url = running.url()
    wait_for_answer(url, "hello.py does not start: ConnectionError: no Redis")
    status, page = get(url, headers={"Accept": "text/html"})
    assert status == 500 and "raise ConnectionError" in page and "reloads by itself" in page
    (folder / "hello.py").write_text(
        hook.replace("raise", "return") + APP.replace("Broken)]", "Broken)], on_startup=hook")
    )
    wait_for_answer(url, "home ")
    assert running.end() == 0
    text = running.text()
    assert "Traceback" not in text and "exited with status" not in text
    assert text.count("Ctrl-C stops it") == 1 and text.count(f"Again at {url}\n") == 1  # the banner but once


def test_run_that_reloads_tells_the_terminal_alone(folder: Path, program: Callable[..., Program]) -> None:
    (folder / "hello.py").write_text("import no_such_module\n" + APP)
    running = program("run", "hello.py", "--port=0", "--reload")
    running.wait_for("waiting for a file to change")
    (folder / "hello.py").write_text(APP)
    assert get(running.url())[1].startswith("home ")
    assert running.end() == 0


def wait_for_answer(url: str, expected: str) -> None:
    limit = time.monotonic() + PATIENCE
    while True:
        try:
            if expected in get(url)[1]:
                return
        except OSError:  # between the two processes
            pass
        assert time.monotonic() < limit, f"{url} never answered {expected!r}"
        time.sleep(0.05)


@pytest.mark.parametrize("command", ["run", "dev"])  # dev does not wait for a file to change, either
def test_port_in_use_names_the_process(folder: Path, command: str) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        status, _, errors = finished(folder, command, "hello.py", f"--port={port}")
    assert status == 1 and errors.startswith(f"waterspout: port {port} is in use")
    assert "--port 0 takes a free one" in errors and errors.count("\n") == 1
    if sys.platform == "linux":
        assert f"(pid {os.getpid()}) listens there" in errors


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["rnu", "hello.py"], 2, "no command 'rnu': did you mean run?"),
        (["run", "hello.py", "--wrokers=2"], 2, "no option --wrokers: did you mean --workers?"),
        (["run"], 2, "takes one TARGET, not 0"),
        (["run", "a.py", "b.py"], 2, "takes one TARGET, not 2"),
        (["run", "helo.py"], 1, "there is no file 'helo.py'"),
        (["run", "hello.py:mak_app", "--port=0"], 1, "did you mean make_app?"),
        (["run", "hello.py:Home", "--port=0"], 1, "hello.py:Home is a request handler; give an Application"),
        (["run", "hello.py", "--port=0", "--workers=-1"], 1, "--workers cannot be negative"),
        (["run", "hello.py", "--port=0", "--workers=2", "--reload"], 1, "do not go together"),
        (["run", "hello.py", "--port=70000"], 1, "--port 70000 is no port"),
        (["run", "hello.py", "--port=0", "--keyfile=x"], 1, "--keyfile needs --certfile"),
        (["run", "hello.py", "--port=0", "--certfile=nowhere.pem"], 1, "--certfile: there is no file 'nowhere.pem'"),
        (["run", "hello.py", "--proxy-header"], 2, "no option --proxy-header: did you mean --proxy-headers?"),
        (["run", "hello.py", "--trusted-proxies=::1"], 2, "no option --trusted-proxies: did you mean --trusted-proxy?"),
        (["run", "hello.py", "--proxy-headers"], 1, "add --trusted-proxy with the proxy's address or network"),
        (["run", "hello.py", "--trusted-proxy=::1"], 1, "--trusted-proxy needs --proxy-headers"),
        (["run", "hello.py", "--proxy-headers", "--trusted-proxy=10.0.0"], 1, "--trusted-proxy: '10.0.0' does not"),
        (["run", "hello.py", "--reload", "--proxy-headers", "--trusted-proxy=x"], 1, "--trusted-proxy: 'x' does not"),
        (["dev", "hello.py", "--proxy-headers"], 2, "no option --proxy-headers"),
    ],
)
def test_mistakes_are_told_in_a_line_without_a_traceback(
    folder: Path, arguments: list[str], status: int, message: str
) -> None:
    got, _, errors = finished(folder, *arguments)
    assert got == status and message in errors and "Traceback" not in errors, errors


def test_application_that_cannot_be_imported_is_told_with_its_traceback(folder: Path) -> None:
    (folder / "broken.py").write_text("import there_is_no_such_module")
    status, _, errors = finished(folder, "run", "broken.py", "--port=0")
    assert status == 1 and "No module named 'there_is_no_such_module'" in errors and "broken.py" in errors


def test_help_of_all_and_of_one(folder: Path) -> None:
    assert finished(folder)[0] == 2
    for arguments in (["--help"], ["help"]):
        status, output, _ = finished(folder, *arguments)
        assert status == 0 and all(name in output for name in ("run", "dev", "routes", "check", "new"))
    status, output, _ = finished(folder, "run", "--help")
    assert status == 0 and "--workers N" in output and "watch-files" not in output
    assert re.fullmatch(r"waterspout-web \d\S+\n", finished(folder, "--version")[1])


def test_output_that_nobody_reads_is_no_error(folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    for arguments in (["--help"], ["run", "--help"], ["--version"], ["routes", "hello.py"]):
        command = [sys.executable, "-m", "waterspout", *arguments]
        ended = subprocess.run(command, cwd=folder, stdout=writing, stderr=subprocess.PIPE, timeout=PATIENCE)
        assert (ended.returncode, ended.stderr) == (141, b""), arguments
    os.close(writing)


def test_dev_does_not_wait_for_a_request_that_takes_long(folder: Path, program: Callable[..., Program]) -> None:
    (folder / "slow.py").write_text(
        "import asyncio\nfrom waterspout.web import Application, RequestHandler\n"
        "class Slow(RequestHandler):\n"
        "    async def get(self):\n        print('ASKED', flush=True)\n        await asyncio.sleep(3600)\n"
        "app = Application([('/', Slow)])\n"
    )
    running = program("dev", "slow.py", "--port=0")
    host, port = running.url().removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), PATIENCE) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        running.wait_for("ASKED")
        running.end()
        assert sock.recv(1) == b""
    assert "1 requests were cut: GET /" in running.text()


def test_routes(folder: Path) -> None:
    status, output, _ = finished(folder, "routes", "hello.py")
    assert status == 0
    assert [line.split() for line in output.splitlines()] == [
        ["/", "GET", "hello.Home", "home"],
        ["/broken", "GET", "hello.Broken"],
    ]


def test_check_tells_of_patterns_in_another_frameworks_style(folder: Path) -> None:
    (folder / "wrong.py").write_text(APP.replace('"/broken"', '"/book/<name>"'))
    status, output, _ = finished(folder, "check", "wrong.py")
    assert status == 1 and "route /book/<name>: patterns are regular expressions, as in /book/([^/]+)\n" in output


def test_check_finds_what_is_wrong(folder: Path) -> None:
    assert finished(folder, "check", "hello.py")[:2] == (0, "nothing found\n")
    (folder / "templates").mkdir()
    (folder / "templates" / "broken.html").write_text("{% if x %}never ended")
    (folder / "templates" / "unsafe.html").write_text("<a class={{ x }}>")
    (folder / "wrong.py").write_text(
        APP.replace(
            '("/broken", Broken)]', '("/", Broken)], cookie_secret="short", debug=False, template_path="templates"'
        )
    )
    status, output, _ = finished(folder, "check", "wrong.py")
    lines = output.splitlines()
    assert status == 1 and lines[-1] == "5 found", output
    expectations = "has 5 characters", "xsrf_cookies", "is never reached", "template broken.html", "unsafe.html, line 1"
    for expected in expectations:
        assert any(expected in line for line in lines), (expected, output)


def test_new_project_serves_passes_its_check_and_its_tests(folder: Path, program: Callable[..., Program]) -> None:
    status, output, _ = finished(folder, "new", "mine")
    assert status == 0 and "cd mine && waterspout dev app.py\n" in output and "pip install pytest" in output
    readme = (folder / "mine" / "README.md").read_text()
    assert readme.startswith("# mine\n") and "@" not in readme and readme.count("\n") < 60
    assert all(f"`{name}`" in readme for name in ("app.py", "test_app.py", "secret.txt", "templates/", "static/"))
    assert finished(folder, "check", "mine/app.py")[:2] == (0, "nothing found\n")
    url = program("run", "mine/app.py", "--port=0").url()
    assert "<h1>Hello</h1>" in get(url)[1]
    plugins = ["-p", "waterspout.asynctest._pytest_plugin", "-p", "waterspout_web_pytest"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir=."]
    # The plugins as such, whatever is installed here.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    tests = subprocess.run(
        [*command, *plugins, "test_app.py"],
        cwd=folder / "mine", env=environment, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert tests.returncode == 0 and "2 passed" in tests.stdout, tests.stdout + tests.stderr
    status, _, errors = finished(folder, "new", "mine")
    assert status == 1 and "is there already" in errors


@pytest.mark.parametrize(("place", "why"), [("hello.py/mine", "Not a directory"), ("", "No such file or directory")])
def test_a_new_project_that_cannot_be_written_is_a_line(folder: Path, place: str, why: str) -> None:
    status, _, errors = finished(folder, "new", place)
    assert (status, errors) == (1, f"waterspout: cannot write {place!r}: {why}\n")
