"""`run`, in processes of its own: signals, workers, and what a terminal gets to see."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Serve = Callable[..., Any]
PATIENCE = 60.0  # seconds that anything may take on a busy machine
LOCAL = "0, '127.0.0.1'"


def until(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, "what the test waits for has not happened"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not waited for yet does not."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:  # which reading raises, too, if it ended after the opening
        return False
    except FileNotFoundError:
        return sys.platform != "linux"


def accepts_no_more(port: int) -> bool:
    """Whether who connects is refused, or not even heard: a server that begins to stop leaves handshakes unanswered."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except (ConnectionRefusedError, TimeoutError):
        return True
    return False


def pids(served: Any, count: int) -> set[int]:
    """Those of all workers: connections go to any of them."""
    found: set[int] = set()

    def complete() -> bool:
        found.add(int(served.get()))
        return len(found) == count

    until(complete)
    return found


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_request_under_way_finish_and_run_returns(serve: Serve, workers: int, number: int) -> None:
    with serve(f"run(app, {LOCAL}, workers={workers})") as served:
        served.serving()
        with served.connect() as sock, served.connect() as silent:
            assert sock.ask() and silent.ask()
            sock.send("/held")
            served.line("HELD")
            served.signal(number)
            assert silent.at_end()  # so that it is stopping
            served.release()
            head, text = sock.response()
            assert text.startswith("held ") and "Connection: close" in head
        assert served.ended() == 0 and served.output() == "RETURNED\n"
        # What is under way is told of if it takes long, and so is what a slow machine makes long.
        said = [line for line in served.lines if "Stopping: " not in line and line != "HELD\n"]
        assert len(said) <= 2 and "Traceback" not in "".join(said)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_second_signal_cuts_what_is_left(serve: Serve, workers: int) -> None:
    prelude = "from waterspout.httpserver import _serving\n_serving.PATIENCE = 0.1"  # until it says what it waits for
    with serve(f"run(app, {LOCAL}, workers={workers}, drain_deadline=3600)", prelude) as served:
        served.serving()
        with served.connect() as sock:
            sock.send("/never?secret")
            served.line("NEVER")
            served.signal(signal.SIGINT)
            served.line("Stopping: 1 request is under way, waited for up to 3600 s; a second signal")
            assert served.process.poll() is None
            served.signal(signal.SIGINT)
            assert sock.at_end()
        assert served.ended() == 0
        served.line("1 requests were cut: GET /never$")


def test_the_deadline_cuts_what_is_left(serve: Serve) -> None:
    with serve(f"run(app, {LOCAL}, drain_deadline=0.2)") as served:
        served.serving()
        with served.connect() as sock:
            sock.send("/never")
            served.line("NEVER")
            served.signal(signal.SIGTERM)
            assert sock.at_end()
        assert served.ended() == 0
        served.line("1 requests were cut: GET /never$")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_in_use_is_one_line_that_names_it(serve: Serve, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with serve(f"run(app, {port}, '127.0.0.1', workers={workers})") as served:
            assert served.ended() == 1
            served._reader.join(PATIENCE)
            (line,) = served.lines
            assert line.startswith(f"cannot serve: port {port} is in use")


@pytest.mark.parametrize("address", ["'0.0.0.0'", "None", "'127.0.0.1'"])
def test_a_server_for_everybody_says_so(serve: Serve, address: str) -> None:
    with serve(f"run(app, 0, {address})") as served:
        assert ("(on all addresses)" in served.line(r"Serving http://.*").group()) == ("127" not in address)
        served.signal(signal.SIGTERM)
        assert served.ended() == 0


def test_bad_options_are_one_line(serve: Serve) -> None:
    with serve(f"run(app, {LOCAL}, workers=2, ssl_options={{'certfile': 'nowhere.pem'}})") as served:
        assert served.ended() == 1
        served._reader.join(PATIENCE)
        (line,) = served.lines
        assert "nowhere.pem" in line


@pytest.mark.parametrize("form", ["text", "json"])
def test_log_lines_of_several_workers_say_which_wrote_them(serve: Serve, form: str) -> None:
    prelude = f"from waterspout.httpserver import AccessLog\nlog = AccessLog({form!r})"
    with serve(f"run(app, {LOCAL}, workers=2, observer=log)", prelude) as served:
        served.serving()
        pids(served, 2)
        seen: set[str] = set()
        while len(seen) < 2:
            line = served.line(r"^\[I \d{6} [0-9:]{8} worker ([01]) _accesslog:\d+\] (.*)")
            seen.add(line[1])
            assert form == "text" or json.loads(line[2])["worker"] == int(line[1])
        served.signal(signal.SIGTERM)
        assert served.ended() == 0
        own = [line for line in served.lines if "Serving" in line]
        assert own and not any(" worker " in line for line in own)  # the parent is none of them


@pytest.mark.parametrize("supervise", [None, True])
def test_a_single_process_logs_as_ever(serve: Serve, supervise: bool | None) -> None:
    prelude = "from waterspout.httpserver import AccessLog"
    with serve(f"run(app, {LOCAL}, supervise={supervise}, observer=AccessLog())", prelude) as served:
        served.serving().get()
        served.line(r"^\[I \d{6} [0-9:]{8} _accesslog:\d+\] 200 GET / ")


def test_a_worker_that_dies_is_replaced(serve: Serve) -> None:
    with serve(f"run(app, {LOCAL}, workers=2)") as served:
        before = pids(served.serving(), 2)
        os.kill(min(before), signal.SIGKILL)
        served.line(rf"worker . \(pid {min(before)}\) was killed by SIGKILL, starting another one at once")
        until(lambda: len(pids(served, 2) - before) == 1)
        with served.connect() as sock:
            sock.send("/exit?3")
            served.line("ended with status 3, starting another one")
        pids(served, 2)
        served.signal(signal.SIGTERM)
        assert served.ended() == 0


def test_sighup_replaces_all_workers_and_fails_no_request(serve: Serve) -> None:
    with serve(f"run(app, {LOCAL}, workers=2)") as served:
        before = pids(served.serving(), 2)
        with served.connect() as slow, served.connect() as kept:
            assert int(kept.ask()) in before
            slow.send("/held")
            served.line("HELD")
            served.signal(signal.SIGHUP)
            served.line("all workers are replaced")
            served.release()
            assert int(slow.body().split()[1]) in before
            # A kept connection of an old worker is good for one more request, however late.
            kept.send()
            head, text = kept.response()
            assert int(text) in before and "Connection: close" in head
        until(lambda: not pids(served, 2) & before)  # an old one accepts until it has heard that it may leave
        until(lambda: not any(map(alive, before)))
        served.signal(signal.SIGTERM)
        assert served.ended() == 0


def test_sighup_gives_the_code_that_is_on_disk_now(serve: Serve, tmp_path: Path) -> None:
    module = tmp_path / "changing.py"
    module.write_text("from served import *\ndef serve(request): respond(request, 'old')\n")
    with serve(f"run('changing:serve', {LOCAL}, supervise=True)") as served:
        assert served.serving().get() == "old"
        module.write_text("from served import *\ndef serve(request): respond(request, 'the new one')\n")
        served.signal(signal.SIGHUP)
        served.line("all workers are replaced")
        until(lambda: served.get() == "the new one")  # the old one accepts until it has heard that it may leave
        module.write_text("raise ImportError('half written')\n")
        served.signal(signal.SIGHUP)
        served.line("ended with status 1 before it accepted: the old workers go on")
        assert served.get() == "the new one"
        module.write_text("from served import *\ndef serve(request): respond(request, 'mended')\n")
        served.signal(signal.SIGHUP)
        served.line("all workers are replaced")
        until(lambda: served.get() == "mended")


def test_sigterm_to_one_worker_replaces_it(serve: Serve) -> None:
    with serve(f"run(app, {LOCAL}, workers=2)") as served:
        before = pids(served.serving(), 2)
        with served.connect() as sock:
            leaving = int(sock.ask())
            sock.send("/held")
            served.line("HELD")
            os.kill(leaving, signal.SIGTERM)
            served.line(f"pid {leaving}. was told to stop")
            until(lambda: len(pids(served, 2) - before) == 1)
            served.release()
            assert sock.body() == f"held {leaving}"
        until(lambda: not alive(leaving))


def test_workers_whose_supervisor_is_gone_drain_and_end(serve: Serve) -> None:
    with serve(f"run(app, {LOCAL}, workers=2)") as served:
        workers = pids(served.serving(), 2)
        with served.connect() as sock:
            assert sock.ask()
            sock.send("/held")
            served.line("HELD")
            served.signal(signal.SIGKILL)
            until(lambda: accepts_no_more(served.port))  # they have noticed, and drain
            served.release()
            assert sock.body().startswith("held ")
        until(lambda: not any(map(alive, workers)))


def listening(pid: int) -> int:
    """How many listening TCP sockets the process has."""
    with open("/proc/net/tcp") as table:
        inodes = {line.split()[9] for line in table if line.split()[3] == "0A"}
    held = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            held.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return sum(name.removeprefix("socket:[").rstrip("]") in inodes for name in held)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_each_worker_has_its_own_listening_socket_and_no_other(serve: Serve) -> None:
    with serve(f"run(app, {LOCAL}, workers=3)") as served:
        workers = pids(served.serving(), 3)
        assert [listening(pid) for pid in workers] == [1, 1, 1] and listening(served.process.pid) == 3


def test_a_worker_that_is_told_to_stop_while_it_is_replaced_does_not_hold_up_the_others(serve: Serve) -> None:
    # Each new worker waits for a file, so that what happens meanwhile does happen meanwhile.
    prelude = """
async def wait(server):
    print("WAITING", file=sys.stderr, flush=True)
    while not os.path.exists("go-on"):
        await asyncio.sleep(0.01)
"""
    with serve(f"run(app, {LOCAL}, workers=2, on_start=wait)", prelude) as served:
        (served.folder / "go-on").touch()
        before = pids(served.serving(), 2)
        (served.folder / "go-on").unlink()
        served.signal(signal.SIGHUP)
        served.line("WAITING")
        for pid in before:
            os.kill(pid, signal.SIGTERM)
        for _ in before:
            served.line("was told to stop")
        (served.folder / "go-on").touch()
        served.line("all workers are replaced")
        until(lambda: not pids(served, 2) & before)
        served.signal(signal.SIGHUP)
        served.line("all workers are replaced")


def test_a_new_worker_that_never_accepts_does_not_hold_a_rolling_restart_for_ever(serve: Serve) -> None:
    prelude = """
async def wait(server):
    while os.path.exists("wait"):
        await asyncio.sleep(0.01)
"""
    with serve(f"run(app, {LOCAL}, workers=2, start_deadline=3, on_start=wait)", prelude) as served:
        before = pids(served.serving(), 2)
        (served.folder / "wait").touch()
        served.signal(signal.SIGHUP)
        late = int(served.line(r"pid (\d+)\) does not accept after 3 s \(start_deadline\): the old workers go on")[1])
        until(lambda: not alive(late))
        assert pids(served, 2) == before
        (served.folder / "wait").unlink()
        served.signal(signal.SIGHUP)
        served.line("all workers are replaced")
        until(lambda: not pids(served, 2) & before)
        served.signal(signal.SIGTERM)
        assert served.ended() == 0


def test_a_worker_that_hangs_in_its_start_is_killed(serve: Serve) -> None:
    # It does not even read what it is told. Only workers that replace others have a deadline: here, that one.
    prelude = """
import time
from waterspout.httpserver import _supervisor
_supervisor.QUIT_TIME = 0.2
def factory():
    while os.path.exists("hang"):
        time.sleep(0.01)
    return app
"""
    options = "factory=True, supervise=True, start_deadline=0.5"
    with serve(f"run(factory, {LOCAL}, {options})", prelude) as served:
        served.serving()
        (served.folder / "hang").touch()
        served.signal(signal.SIGHUP)
        late = int(served.line(r"pid (\d+)\) does not accept after 0.5 s")[1])
        until(lambda: not alive(late))
        assert (served.folder / "hang").exists() and served.get()


@pytest.mark.parametrize("workers", [1, 3])
def test_an_application_that_cannot_start_ends_it(serve: Serve, workers: int) -> None:
    prelude = "def broken():\n    raise LookupError('no database')\n"
    with serve(f"run(broken, {LOCAL}, factory=True, workers={workers})", prelude) as served:
        assert served.ended() == 1 and served.output() == ""
        served._reader.join(PATIENCE)
        assert "LookupError: no database" in "".join(served.lines)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_explains_itself_ends_it_with_that_line_and_no_traceback(serve: Serve, workers: int) -> None:
    prelude = """
from waterspout.util import ExplainedError
class App:
    async def __aenter__(self):
        raise ExplainedError("no database at db.example: start it")
    async def __aexit__(self, *error):
        pass
    def __call__(self, request):
        pass
"""
    with serve(f"run(App(), {LOCAL}, workers={workers})", prelude) as served:
        assert served.ended() == 1 and served.output() == ""
        served._reader.join(PATIENCE)
        said = "".join(served.lines)
        assert "The server could not start: no database at db.example: start it\n" in said
        assert "Traceback" not in said and len(served.lines) == 1, said  # however many workers find it out


def test_a_later_worker_that_cannot_start_says_why_through_its_supervisor(serve: Serve) -> None:
    """A long text is cut, and one with a NUL ends where it should."""
    prelude = """
from waterspout.util import ExplainedError
def start(server):
    if os.path.exists("away"):
        raise ExplainedError("no database\\0 at db.example: " + "start it, " * 1000)
"""
    why = r"could not start \(no database\? at db\.example: (start it, ){150,200}[a-z, ]*\)"
    with serve(f"run(app, {LOCAL}, workers=2, on_start=start)", prelude) as served:
        first, _ = pids(served.serving(), 2)
        (served.folder / "away").touch()
        served.signal(signal.SIGHUP)
        served.line(rf"the new worker 0 \(pid \d+\) {why}: the old workers go on")
        assert len(pids(served, 2)) == 2
        os.kill(first, signal.SIGKILL)
        served.line(rf"worker \d \(pid {first}\) was killed by SIGKILL, starting another one at once")
        served.line(rf"worker \d \(pid \d+\) {why}, starting another one")
        (served.folder / "away").unlink()
        assert len(pids(served, 2)) == 2
        served.signal(signal.SIGTERM)
        assert served.ended() == 0


def test_hooks_and_context_managers_run_where_the_application_is_served(serve: Serve) -> None:
    prelude = """
class App:
    async def __aenter__(self):
        print("enter", flush=True)
    async def __aexit__(self, *error):
        print("exit", flush=True)
    def __call__(self, request):
        app(request)

async def make():
    await asyncio.sleep(0)
    return App()

async def start(server):
    print("start", type(server).__name__, bool(server._sockets), flush=True)

def stop(server):
    print("stop", server.draining, flush=True)
"""
    call = f"run(make, {LOCAL}, factory=True, on_start=start, on_stop=stop, supervise=True)"
    with serve(call, prelude) as served:
        assert served.serving().get()
        served.signal(signal.SIGTERM)
        assert served.ended() == 0
        assert served.output().split("\n") == ["enter", "start HTTPServer False", "stop True", "exit", "RETURNED", ""]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("error", ['ValueError("not closed")', 'ExplainedError("not closed")'])
def test_an_application_that_fails_at_the_end_is_not_told_as_one_that_does_not_start(
    serve: Serve, workers: int, error: str
) -> None:
    prelude = f"""
from waterspout.util import ExplainedError
class App:
    async def __aenter__(self):
        pass
    async def __aexit__(self, *error):
        raise {error}
    def __call__(self, request):
        app(request)
"""
    with serve(f"run(App(), {LOCAL}, workers={workers})", prelude) as served:
        assert served.serving().get()
        served.signal(signal.SIGTERM)
        served.ended()
        served._reader.join(PATIENCE)
        said = "".join(served.lines)
        assert "The application failed while the server stopped" in said and "not closed" in said
        assert "could not start" not in said


@pytest.mark.parametrize("workers", [1, 2])
def test_an_application_that_does_not_end_is_told_of_and_cut_by_a_further_signal(serve: Serve, workers: int) -> None:
    prelude = """
import asyncio
from waterspout.httpserver import _serving
_serving.PATIENCE = 0.1
class App:
    async def __aenter__(self):
        pass
    async def __aexit__(self, *error):
        print("ENDS", flush=True)
        await asyncio.sleep(3600)
    def __call__(self, request):
        app(request)
"""
    with serve(f"run(App(), {LOCAL}, workers={workers})", prelude) as served:
        assert served.serving().get()
        served.signal(signal.SIGTERM)
        served.line("Stopping: the application has not ended yet")
        assert served.process.poll() is None
        served.signal(signal.SIGINT)
        assert served.ended() == 0
        served.line("Stopped before the application had ended")


@pytest.mark.parametrize("tuned", [True, False])
def test_the_collector_is_tuned_unless_unwanted(serve: Serve, tuned: bool) -> None:
    with serve(f"run(app, {LOCAL}, tune_gc={tuned})") as served:
        thresholds, frozen = json.loads(served.serving().get("/gc"))
        assert (thresholds[0] == 100_000, frozen > 1000) == (tuned, tuned)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_unix_socket_is_served_alone_and_removed(serve: Serve, tmp_path: Path, workers: int) -> None:
    path = tmp_path / "s.sock"
    with serve(f"run(app, None, unix_socket={str(path)!r}, workers={workers})") as served:
        served.serving()
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.settimeout(PATIENCE)
            sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
        served.signal(signal.SIGTERM)
        assert served.ended() == 0 and not path.exists()


@pytest.mark.parametrize(("argument", "mode"), [("", 0o600), (", unix_socket_mode=0o660", 0o660)])
def test_the_mode_of_a_unix_socket(serve: Serve, tmp_path: Path, argument: str, mode: int) -> None:
    path = tmp_path / "s.sock"
    with serve(f"run(app, None, unix_socket={str(path)!r}{argument})") as served:
        served.serving()
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_sockets_that_were_made_elsewhere_are_served(serve: Serve) -> None:
    prelude = "import socket\nmade = socket.create_server(('127.0.0.1', 0))\n"
    with serve("run(app, sockets=[made], workers=2)", prelude) as served:
        assert served.serving().get()


def test_arguments_that_contradict_each_other_are_refused() -> None:
    from waterspout.httpserver import run

    with pytest.raises(ValueError, match="supervise"):
        run(print, workers=2, supervise=False)
    with pytest.raises(ValueError, match="negative"):
        run(print, workers=-1)
    with pytest.raises(SystemExit, match="no port"):
        run(print, port=None, configure_logging=False)
