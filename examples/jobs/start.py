"""The application, a worker for its jobs and Redis between them: one command.

    python examples/jobs/start.py [--port 8888]

Needs ``redis-server`` (Debian: ``apt-get install redis-server``), ``dramatiq[redis]`` and ``waterspout-ioloop[redis]``.
Redis writes to the disk before it answers, into a folder that is temporary. A worker that dies is started again.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
PATIENCE = 20.0

REDIS = """
port 0
unixsocket {folder}/redis.sock
dir {folder}
appendonly yes
appendfsync always
save ""
"""


def run(folder: Path, port: int) -> None:
    """Start all; start the worker again whenever it ends; return at Ctrl-C or SIGTERM."""
    redis = shutil.which("redis-server")
    if redis is None:
        raise SystemExit("redis-server is not installed (Debian: apt-get install redis-server)")
    for module in ("dramatiq", "redis"):
        if importlib.util.find_spec(module) is None:
            raise SystemExit(f"{module} is not installed: pip install 'dramatiq[redis]' 'waterspout-ioloop[redis]'")
    (folder / "redis.conf").write_text(REDIS.format(folder=folder), encoding="utf-8")
    environment = {**os.environ, "JOBS_REDIS": f"unix://{folder}/redis.sock"}
    worker = [sys.executable, "-m", "dramatiq", "tasks", "--processes", "1", "--threads", "2"]
    with contextlib.ExitStack() as stack, (folder / "log").open("ab") as log:

        def start(command: list[str], output: IO[bytes] | None = log) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                command, cwd=HERE, env=environment, stdout=output, stderr=output, start_new_session=True
            )
            stack.callback(stop, process)
            return process

        server = start([redis, str(folder / "redis.conf")])
        limit = time.monotonic() + PATIENCE
        while not (folder / "redis.sock").exists():
            if server.poll() is not None or time.monotonic() > limit:
                raise SystemExit(f"redis-server did not start:\n{last_lines(folder)}")
            time.sleep(0.05)
        app = start([sys.executable, str(HERE / "server.py"), "--port", str(port)], None)
        working = start(worker)
        print(f"The worker's pid is {working.pid}. Stop all with Ctrl-C.", flush=True)
        while True:
            time.sleep(0.2)
            if working.poll() is not None:
                working = start(worker)
                print(f"The worker ended and was started again (pid {working.pid})", flush=True)
            for name, process in (("Redis", server), ("the application", app)):
                if (status := process.poll()) is not None:
                    raise SystemExit(f"{name} ended with status {status}.\n{last_lines(folder)}")


def last_lines(folder: Path) -> str:
    """The end of what Redis and the worker wrote: the folder is gone when somebody looks."""
    return "\n".join((folder / "log").read_text(errors="replace").splitlines()[-8:])


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="Jobs: the application, a worker, and Redis.")
    parser.add_argument("--port", type=int, default=8888, help="0 takes any free port")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with contextlib.suppress(KeyboardInterrupt), tempfile.TemporaryDirectory(prefix="jobs.") as folder:
        run(Path(folder), options.port)


if __name__ == "__main__":
    main()
