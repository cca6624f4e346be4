"""Sockets from the service manager, and what it hears: with real descriptors and a real datagram socket."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from waterspout.httpserver import Notifier, activated_sockets

Serve = Callable[..., Any]
PATIENCE = 60.0


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(PATIENCE)
        yield sock


def heard(manager: socket.socket) -> str:
    return manager.recv(4096).decode()


def passing(tmp_path: Path, *fds: int, names: str = "") -> dict[str, Any]:
    """Arguments for a process that finds *fds* as 3, 4, ... and LISTEN_PID as its own."""
    script = tmp_path / "served.py"
    # Above 9 first, as one may be the other's target.
    moves = " ".join(f"{50 + n}<&{fd}" for n, fd in enumerate(fds))
    final = " ".join(f"{3 + n}<&{50 + n}" for n in range(len(fds)))
    shell = f'exec {moves}; exec env LISTEN_PID=$$ "$0" "$1" {final}'
    return {
        "command": ["bash", "-c", shell, sys.executable, str(script)],
        "pass_fds": fds,
        "env": {"LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": names},
    }


@pytest.mark.parametrize("workers", [1, 2])
def test_sockets_that_were_passed_are_served_in_place_of_the_port(serve: Serve, tmp_path: Path, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        extra = passing(tmp_path, first.fileno(), second.fileno())
        # A client that came before the service was started.
        early = socket.create_connection(first.getsockname(), PATIENCE)
        early.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        with serve(f"run(app, 1, workers={workers})", **extra) as served:
            served.serving()
            assert early.recv(1000).startswith(b"HTTP/1.1 200")
            early.close()
            for sock in (first, second):
                served.port = sock.getsockname()[1]
                assert served.get()
            served.signal(signal.SIGTERM)
            assert served.ended() == 0
            # The manager goes on listening: who comes now waits for the next start, and is not refused.
            late = socket.create_connection(first.getsockname(), PATIENCE)
            first.settimeout(PATIENCE)
            first.accept()[0].close()
            late.close()


def test_OT4_names_and_what_is_no_listening_socket(serve: Serve, tmp_path: Path) -> None:
    prelude = "from waterspout.httpserver import activated_sockets\n"
    call = "print([(n, s.getblocking(), os.get_inheritable(s.fileno())) for n, s in activated_sockets()], "
    call += "activated_sockets(), 'LISTEN_FDS' in os.environ)"
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        with serve(call, prelude, **passing(tmp_path, one.fileno(), two.fileno(), names="web")) as served:
            assert served.ended() == 0
            assert served.output().startswith("[('web', False, False), ('unknown', False, False)] [] False\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        with serve("run(app, 1)", **passing(tmp_path, datagram.fileno())) as served:
            assert served.ended() == 1
            served.line("descriptor 3, passed by LISTEN_FDS, is not a listening stream socket")


def test_OT4_variables_for_another_process_or_without_sense() -> None:
    others = {"LISTEN_FDS": "1", "LISTEN_PID": "1"}
    assert activated_sockets(others) == [] and others
    with pytest.raises(ValueError, match="LISTEN_FDS is 'x'"):
        activated_sockets({"LISTEN_FDS": "x", "LISTEN_PID": str(os.getpid())})
    assert activated_sockets({}) == []
    assert activated_sockets({"LISTEN_FDS": "0", "LISTEN_PID": str(os.getpid())}) == []
    for sign in ("-1", "+1", "1_0", "\u0661", " 1", ""):
        with pytest.raises(ValueError, match="it should be the number of sockets passed"):
            activated_sockets({"LISTEN_FDS": sign, "LISTEN_PID": str(os.getpid())})


def test_OT4_a_descriptor_that_is_not_open_is_named_with_the_variable() -> None:
    # LISTEN_FDS says more than was passed: nothing below is ours to adopt.
    code = (
        "import os; os.closerange(3, 64)\n"
        "from waterspout.httpserver import activated_sockets\n"
        "os.closerange(3, 64)\n"
        "try: activated_sockets({'LISTEN_FDS': '1', 'LISTEN_PID': str(os.getpid())})\n"
        "except OSError as error: print(error)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "descriptor 3" in ended.stdout and "LISTEN_FDS" in ended.stdout, ended.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_the_manager_hears_of_each_step(serve: Serve, tmp_path: Path, manager: socket.socket, workers: int) -> None:
    env = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
    with serve(f"run(app, 0, '127.0.0.1', workers={workers})", env=env) as served:
        served.serving()
        assert heard(manager).startswith("READY=1\nSTATUS=")
        assert served.get()
        if workers > 1:
            served.signal(signal.SIGHUP)
            assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", heard(manager))
            assert heard(manager) == "READY=1"
        served.signal(signal.SIGTERM)
        assert heard(manager) == "STOPPING=1"
        assert served.ended() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_the_watchdog_is_fed_while_the_workers_live(
    serve: Serve, tmp_path: Path, manager: socket.socket, workers: int
) -> None:
    env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"}
    prelude = "_app = app\ndef app(request):\n    if request.path == '/hang':\n        import time; time.sleep(3600)\n"
    prelude += "    _app(request)\n"
    with serve(f"run(app, 0, '127.0.0.1', workers={workers}, tune_gc=False)", prelude, env=env) as served:
        served.serving()
        messages = [heard(manager) for _ in range(3)]
        assert "WATCHDOG=1" in messages and all(m.startswith(("READY=1", "WATCHDOG=1")) for m in messages)
        with served.connect() as client:
            client.send("/hang")
            manager.settimeout(1)  # ten signs of life: that they end says that a loop that hangs is noticed
            with pytest.raises(TimeoutError):
                for _ in range(20):
                    heard(manager)


def test_a_notifier_with_nobody_to_tell_is_silent_and_one_that_is_gone_is_a_warning(
    tmp_path: Path, caplog: Any
) -> None:
    silent = Notifier({})
    silent.ready()
    silent.alive()
    assert not silent.active and silent.watchdog is None and not caplog.records
    gone = Notifier({"NOTIFY_SOCKET": str(tmp_path / "nowhere"), "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"})
    gone.stopping()
    assert gone.active and gone.watchdog is None and "Cannot tell the service manager STOPPING=1" in caplog.text


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0waterspout-test-{os.getpid()}")
        environ = {"NOTIFY_SOCKET": f"@waterspout-test-{os.getpid()}", "WATCHDOG_USEC": "500000"}
        notifier = Notifier(environ)
        notifier.ready("one")
        assert sock.recv(100) == b"READY=1\nSTATUS=one" and notifier.watchdog == 0.5 and not environ
        notifier.close()
