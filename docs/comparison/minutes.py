"""From an empty folder to the first right answer: the minutes of docs/comparison.md, for each program beside this file.

    python docs/comparison/minutes.py [--wheels dist] [--rounds 3] [--tasks hello chat] [--downloads DIR]

Measured, by the wall clock: a new virtual environment and `pip install` of what the program needs, from wheels that lie
on the disk (they are downloaded before, which is not timed; how large they are is printed), then the start of the
program until it answers. Not measured but reckoned: typing, at CHARACTERS_A_MINUTE, the program as it stands, without
thinking. A minute is the sum of the three. The frameworks take turns; each figure is the median of the rounds. Prints
the rows of the table. --wheels says where Waterspout's own are, while it is on no index (`hatch build --all`);
--downloads keeps the other wheels for the next time.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

PROGRAMS = Path(__file__).parent
#: 40 words of five characters: somebody who types with more than two fingers, and makes no mistake.
CHARACTERS_A_MINUTE = 200
PATIENCE = 120.0

NEEDS: dict[str, dict[str, str]] = {
    "waterspout": dict.fromkeys(("hello", "api", "form", "login", "chat"), "waterspout-web"),
    "fastapi": {
        "hello": "fastapi uvicorn",
        "api": "fastapi uvicorn",
        "form": "fastapi uvicorn python-multipart jinja2",
        "login": "fastapi uvicorn python-multipart itsdangerous",
        "chat": "fastapi uvicorn websockets",
    },
    "litestar": {
        "hello": "litestar uvicorn",
        "api": "litestar uvicorn",
        "form": "litestar[jinja] uvicorn",
        "login": "litestar[cryptography] uvicorn",
        "chat": "litestar uvicorn websockets",
    },
}
ASKED = {"hello": "/", "api": "/items", "form": "/", "login": "/login", "chat": "/chat"}


def typing(task: str, framework: str) -> float:
    """Minutes for the characters of a program; indentation counts, as an editor does not type all of it."""
    return len((PROGRAMS / f"{task}_{framework}.py").read_text(encoding="utf-8")) / CHARACTERS_A_MINUTE


def answers(port: int, path: str) -> bool:
    if path == "/chat":
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(
                b"GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            return connection.recv(1024).startswith(b"HTTP/1.1 101 ")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return bool(answer.status == 200)


def download(task: str, framework: str, folder: Path, wheels: str | None) -> float:
    """Get the wheels that a program needs into *folder*, once; how large they are together, in megabytes."""
    if not folder.exists():
        with tempfile.TemporaryDirectory(prefix="downloads.") as place:
            subprocess.run([sys.executable, "-m", "venv", place], check=True)
            links = ["--find-links", os.path.abspath(wheels)] if wheels and framework == "waterspout" else []
            command = [f"{place}/bin/python", "-m", "pip", "download", "--quiet", "--only-binary=:all:", *links]
            subprocess.run([*command, "--dest", folder, *NEEDS[framework][task].split()], check=True)
    return sum(file.stat().st_size for file in folder.iterdir()) / 1e6


def measure(task: str, framework: str, wheels: Path) -> tuple[float, float]:
    """Seconds to install from *wheels*, and from the start of the program to its first right answer."""
    with tempfile.TemporaryDirectory(prefix="minutes.") as folder:
        environment = {**os.environ, "PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a newcomer has not set it
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=folder, check=True)
        python = os.path.join(folder, "venv/bin/python")
        install = [python, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", wheels]
        subprocess.run([*install, *NEEDS[framework][task].split()], cwd=folder, env=environment, check=True)
        installed = time.monotonic()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        text = (PROGRAMS / f"{task}_{framework}.py").read_text(encoding="utf-8").replace("8888", str(port))
        Path(folder, "app.py").write_text(text, encoding="utf-8")
        started = time.monotonic()
        with open(os.path.join(folder, "log"), "w") as log:
            process = subprocess.Popen([python, "app.py"], cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            while True:
                try:
                    if answers(port, ASKED[task]):
                        return installed - began, time.monotonic() - started
                except OSError as error:
                    if isinstance(error, urllib.error.HTTPError):
                        raise
                if process.poll() is not None or time.monotonic() > started + PATIENCE:
                    raise RuntimeError(f"{task} with {framework}: {Path(folder, 'log').read_text()}")
                time.sleep(0.01)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", help="a folder with Waterspout's wheels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", nargs="+", choices=tuple(ASKED), default=list(ASKED))
    parser.add_argument("--downloads", type=Path, help="a folder for what is downloaded, to be used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wheels.") as folder:
        for task in options.tasks:
            print(row(task, options.rounds, options.downloads or Path(folder), options.wheels), flush=True)


def row(task: str, rounds: int, downloads: Path, wheels: str | None) -> str:
    """A row of the page's table, and a line with the sizes of what was installed."""
    places = {framework: downloads / f"{task}-{framework}" for framework in NEEDS}
    sizes = [f"{name} {download(task, name, place, wheels):.1f}" for name, place in places.items()]
    seconds: dict[str, list[tuple[float, float]]] = {framework: [] for framework in NEEDS}
    for _ in range(rounds):
        for framework, place in places.items():
            seconds[framework].append(measure(task, framework, place))
    cells = []
    for framework in NEEDS:
        install, start = (statistics.median(each) for each in zip(*seconds[framework], strict=True))
        typed = typing(task, framework)
        cells.append(f"**{typed + (install + start) / 60:.1f}** = {install:.0f} s + {typed:.1f} min + {start:.1f} s")
    return f"| `{task}` | {' | '.join(cells)} |\nmegabytes of wheels: {', '.join(sizes)}"


if __name__ == "__main__":
    main()
