"""Whole programs as users write them: started as processes of their own, asked over the wire, stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[str]"]

MAIN = """
from waterspout.ioloop import IOLoop
from waterspout.web import Application, RequestHandler

class MainHandler(RequestHandler):
    def get(self):
        self.write("Hello, world")

def make_app():
    return Application([(r"/", MainHandler)])

def main():
    app = make_app()
    server = app.listen(0, "127.0.0.1")
    print("port", next(iter(server._sockets.values())).getsockname()[1], flush=True)
    IOLoop.current().start()

if __name__ == "__main__":
    main()
"""

SEVERAL = """
import os
from waterspout.httpserver import HTTPServer
from waterspout.ioloop import IOLoop
from waterspout.web import Application, RequestHandler

class MainHandler(RequestHandler):
    def get(self):
        self.set_header("Connection", "close")
        self.write(str(os.getpid()))

server = HTTPServer(Application([(r"/", MainHandler)]))
server.bind(0, "127.0.0.1")
print("port", server._bound[0].getsockname()[1], flush=True)
server.start(2)
IOLoop.current().start()
"""

IN_CHILD = r"""
import os

from waterspout.process import fork_processes
from waterspout.web import Application

fork_processes(2, max_restarts=0)
try:
    Application([], autoreload=True)
except RuntimeError as error:
    os.write(1, f"refused: {error}\n".encode())  # in one piece: the two write to one pipe
"""


BEFORE_START = """
from waterspout.httpserver import HTTPServer
from waterspout.web import Application

server = HTTPServer(Application([], debug=True))
server.bind(0, "127.0.0.1")
try:
    server.start(2)
except RuntimeError as error:
    print("refused:", error)
server = HTTPServer(Application([], debug=True, autoreload=False))
"""

LIFESPAN = """
import asyncio
from contextlib import asynccontextmanager
from waterspout.web import Application, RequestHandler

@asynccontextmanager
async def database(app):
    print("open", flush=True)
    app.settings["db"] = "data"
    try:
        yield
    finally:
        print("close", flush=True)

class Hello(RequestHandler):
    def get(self):
        self.write(self.settings["db"])

async def main():
    app = Application([("/", Hello)], lifespan=database, on_startup=STARTUP)
    server = app.listen(0, "127.0.0.1")
    print("port", server._bound[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


EXPLAIN = """
def explain(app):
    from waterspout.util import ExplainedError
    raise ExplainedError("no database at db.example: start it")
"""


RUN = """
import socket
from waterspout.httpserver import run
from waterspout.web import Application, RequestHandler

class Hello(RequestHandler):
    def get(self):
        self.application.spawn(self.later())
        self.write(self.settings["state"])

    async def later(self):
        print("in the background", flush=True)

app = Application([("/", Hello)], on_startup=lambda app: app.settings.update(state="started"),
                  on_shutdown=lambda app: print("stop", flush=True))
listening = socket.create_server(("127.0.0.1", 0))
print("port", listening.getsockname()[1], flush=True)
run(app, None, sockets=[listening])
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """``start(source)``: the program as a process; it and its children are stopped afterwards."""
    started: list[subprocess.Popen[str]] = []

    def run(source: str) -> subprocess.Popen[str]:
        program = tmp_path / "program.py"
        program.write_text(source)
        process = subprocess.Popen(
            [sys.executable, str(program)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)
        if process.stdout is not None:
            process.stdout.close()


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        found = re.fullmatch(r"port (\d+)\n", line)
        if found:
            return int(found[1])
    raise AssertionError("the program ended without naming its port")


def get(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
        text: str = response.read().decode()
        return text


def test_main_with_listen_and_start_serves_until_it_is_stopped(start: Start) -> None:
    process = start(MAIN)
    port = port_of(process)
    assert get(port) == get(port) == "Hello, world"
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.wait(5)


def test_several_processes_share_the_port(start: Start) -> None:
    port = port_of(start(SEVERAL))
    seen: set[str] = set()
    deadline = time.monotonic() + 30
    while len(seen) < 2 and time.monotonic() < deadline:
        seen.add(get(port))
    assert len(seen) == 2


def test_autoreload_is_refused_in_one_of_several_processes(start: Start) -> None:
    output, _ = start(IN_CHILD).communicate(timeout=10)
    refusals = [line for line in output.splitlines() if line.startswith("refused:")]
    assert len(refusals) == 2 and all("autoreload" in line and "several processes" in line for line in refusals)


def test_autoreload_is_refused_by_start_with_several_processes(start: Start) -> None:
    output, _ = start(BEFORE_START).communicate(timeout=20)
    assert "refused: autoreload cannot work together with several processes" in output
    assert "set autoreload=False" in output


def test_lifespan_opens_before_the_first_request_and_closes_at_the_end_of_asyncio_run(start: Start) -> None:
    process = start(LIFESPAN.replace("STARTUP", "None"))
    assert get(port_of(process)) == "data"
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert "close" in output.splitlines()


def test_a_startup_that_fails_ends_the_program_with_an_error(start: Start) -> None:
    process = start(LIFESPAN.replace("STARTUP", "lambda app: 1 / 0"))
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "a startup hook has failed" in output and "ZeroDivisionError" in output and "close" in output.splitlines()


def test_a_startup_that_explains_why_it_fails_shows_no_traceback(start: Start) -> None:
    process = start(LIFESPAN.replace("STARTUP", "explain").replace("async def main", f"{EXPLAIN}\nasync def main"))
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "The application cannot start: no database at db.example: start it\n" in output
    assert "Traceback" not in output and "close" in output.splitlines()


def test_run_starts_the_application_before_it_serves_and_stops_it_after_the_drain(start: Start) -> None:
    process = start(RUN)
    assert get(port_of(process)) == "started"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    assert output.rstrip().endswith("stop")
