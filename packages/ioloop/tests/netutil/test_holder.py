"""Who listens on a port, and the error that names it."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from waterspout.netutil import _holder, bind_sockets
from waterspout.netutil._holder import holder_of

PROGRAM = """
import socket
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
input()
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="looked up in /proc, which only Linux has")


@pytest.fixture
def program(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """The process id and the port of a program that listens."""
    path = tmp_path / "first_app.py"
    path.write_text(PROGRAM)
    with subprocess.Popen([sys.executable, path.name], cwd=tmp_path, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        yield process.pid, int(process.stdout.readline())
        process.stdin.close()


@linux
@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_this_process_is_named(family: socket.AddressFamily, address: str) -> None:
    if family == socket.AF_INET6 and not os.path.exists("/proc/net/tcp6"):
        pytest.skip("this machine has no IPv6")
    with socket.socket(family) as listening:
        listening.bind((address, 0))
        port = listening.getsockname()[1]
        assert holder_of(port) is None  # bound, but nobody listens
        listening.listen()
        assert holder_of(port) == "this process"
        with pytest.raises(OSError, match=r"this process listens there, choose another port$"):
            bind_sockets(port, address)


@linux
def test_another_process_is_named_by_its_command_and_number(program: tuple[int, int]) -> None:
    pid, port = program
    named = rf"port {port} is in use \(on 127\.0\.0\.1\): python\S* first_app\.py \(pid {pid}\) listens there, stop it"
    with pytest.raises(OSError, match=named) as caught:
        bind_sockets(port, "127.0.0.1")
    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize("table", [None, "", "sl local\nnonsense\n", "sl local\n0: x:y z 0A q\n", "\udcff"])
def test_where_nothing_is_known_the_error_is_the_plain_one(
    table: str | None, program: tuple[int, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, port = program
    path = tmp_path / "tcp"
    if table is not None:
        path.write_bytes(table.encode("utf-8", "surrogateescape"))
    monkeypatch.setattr(_holder, "open", lambda name, **options: open(path, **options), raising=False)
    with pytest.raises(OSError, match=rf"port {port} is in use .*: another process listens there, stop it") as caught:
        bind_sockets(port, "127.0.0.1")
    assert caught.value.errno == errno.EADDRINUSE


@linux
def test_the_search_has_an_end(program: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    _, port = program
    monkeypatch.setattr(_holder, "_MOST", 0)
    assert holder_of(port) is None


@linux
@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ((), "program"),
        (("app.py", "--password=secret"), "program app.py"),
        (("-m", "http.server", "8000"), "program -m http.server"),
        (("-psecret", "app.py"), "program"),
        (("-m",), "program -m"),
        (("a\n\x1b[31mb",), "program a??[31mb"),
        (("x" * 100,), "program " + "x" * 69 + "..."),
    ],
)
def test_what_a_program_was_told_beside_what_it_runs_is_not_repeated(
    arguments: tuple[str, ...], shown: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "cmdline"
    path.write_bytes(b"\0".join([b"/usr/bin/program", *(word.encode() for word in arguments)]) + b"\0")
    monkeypatch.setattr(_holder, "open", lambda name, mode: open(path, mode), raising=False)
    assert _holder._command("1") == shown
