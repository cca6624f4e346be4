"""SIGTERM and SIGHUP under load: no request fails.

Several workers; clients that keep their connection, that open one for each request, whose answers take a while and that
pause; and wrk, as a client that nobody here has written. ``python -m tox -e drills``.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from load import Load  # noqa: E402

PATIENCE = 60.0


@contextmanager
def server(workers: int, sockets: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, str(HERE / "program.py"), "0", str(workers), sockets]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield process, int(expect(process, r"Serving http://127\.0\.0\.1:(\d+)")[1])
    finally:
        if process.poll() is None:
            process.terminate()
        assert process.stderr is not None
        log = process.stderr.read()
        assert process.wait(PATIENCE) == 0, log
        assert "Traceback" not in log and "[W " not in log and "[E " not in log, log


def expect(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    assert process.stderr is not None
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        line = process.stderr.readline()
        assert line, f"the server has ended without {pattern!r}"
        found = re.search(pattern, line)
        if found:
            return found
    raise AssertionError(f"no {pattern!r}")


@pytest.mark.parametrize("sockets", ["own", "shared"])
@pytest.mark.parametrize("workers", [1, 3])
def test_sigterm_under_load_fails_no_request(workers: int, sockets: str) -> None:
    async def main(process: subprocess.Popen[str], port: int) -> Load:
        load = Load(port)
        load.start()
        await asyncio.sleep(2)
        process.send_signal(signal.SIGTERM)
        await load.ended()
        return load

    with server(workers, sockets) as (process, port):
        tally = asyncio.run(main(process, port)).tally
        assert process.wait(PATIENCE) == 0
    print(f"\nSIGTERM, {workers} workers, {sockets} sockets: {tally.answered} answered, {len(tally.failed)} failed")
    assert not tally.failed, tally.failed[:10]
    assert tally.answered > 200 and tally.kept > 100 and tally.refused == 40


@pytest.mark.parametrize("sockets", ["own", "shared"])
def test_sighup_under_load_fails_no_request(sockets: str) -> None:
    async def main(process: subprocess.Popen[str], port: int) -> Load:
        load = Load(port)
        load.start()
        for _ in range(3):
            await asyncio.sleep(1)
            process.send_signal(signal.SIGHUP)
            await asyncio.to_thread(expect, process, "all workers are replaced")
        await asyncio.sleep(0.5)
        await load.stop()
        return load

    with server(3, sockets) as (process, port):
        tally = asyncio.run(main(process, port)).tally
    print(f"\nSIGHUP x 3, {sockets} sockets: {tally.answered} answered by {len(tally.pids)} workers, "
          f"{len(tally.failed)} failed")  # fmt: skip
    assert not tally.failed, tally.failed[:10]
    assert tally.answered > 500 and len(tally.pids) >= 9 and not tally.refused


@pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk (apt-get install wrk)")
def test_wrk_sees_no_error_while_workers_are_replaced() -> None:
    with server(2, "own") as (process, port):
        wrk = subprocess.Popen(
            ["wrk", "-t1", "-c32", "-d6s", "--timeout", "30s", f"http://127.0.0.1:{port}/"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3):
            time.sleep(1)
            process.send_signal(signal.SIGHUP)
            expect(process, "all workers are replaced")
        said, _ = wrk.communicate(timeout=PATIENCE)
    print(said)
    assert "requests in" in said and "Socket errors" not in said and "Non-2xx" not in said, said
