"""How long `waterspout run` takes to its first answer, beside a bare script on Tornado: processor time, same run.

Not wall-clock time, which on a busy machine says how busy it is. Both have their modules compiled by a start before,
then start in turn (`paired` says which ratio counts).
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from paired import steady_ratio

OF_TORNADO = 1.5
#: What a shared machine may add for long: the bound itself is read from the printed line, on a quiet one.
MARGIN = 1.4
PATIENCE = 60.0
TORNADO = """
import asyncio, sys
import tornado.web

class Hello(tornado.web.RequestHandler):
    def get(self):
        self.write("hello")

async def main():
    tornado.web.Application([("/", Hello)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()

asyncio.run(main())
"""
WATERSPOUT = """
from waterspout import web

class Hello(web.RequestHandler):
    def get(self):
        self.write("hello")

app = web.Application([("/", Hello)])
"""


def seconds_to_first_answer(command: list[str], port: int, caches: Path) -> float:
    """Processor seconds that the process has used when its first answer is there."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(caches)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(
        [sys.executable, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        limit = time.monotonic() + PATIENCE
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    assert b"200 OK" in connection.recv(1000)
                break
            except ConnectionRefusedError:
                assert process.poll() is None and time.monotonic() < limit, command
                time.sleep(0.005)
        return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="processor time is read from /proc/PID/schedstat")
def test_run_starts_no_later_than_half_as_long_again_as_a_bare_tornado_script(tmp_path: Path) -> None:
    (tmp_path / "on_tornado.py").write_text(TORNADO)
    (tmp_path / "on_waterspout.py").write_text(WATERSPOUT)

    def tornado() -> float:
        port = free_port()
        return seconds_to_first_answer([str(tmp_path / "on_tornado.py"), str(port)], port, tmp_path / "caches")

    def ours() -> float:
        port = free_port()
        command = ["-m", "waterspout", "run", str(tmp_path / "on_waterspout.py"), f"--port={port}"]
        return seconds_to_first_answer(command, port, tmp_path / "caches")

    ours(), tornado()  # compiles them
    ratio, measured = steady_ratio(ours, tornado, MARGIN * OF_TORNADO)
    print(f"first answer after {ratio:.2f} of Tornado's processor time")
    assert ratio <= MARGIN * OF_TORNADO, measured
