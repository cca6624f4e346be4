"""The row ``script`` of ``bench.py client``: an interpreter started for one GET, in an environment of its own.

Environments are as users have them: made by venv, filled by pip from wheels, all bytecode compiled, nothing in them
but the client's distribution and what it requires.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from time import monotonic

from bench_client_nginx import SMALL

_TORNADOISH = """
import asyncio, sys
from {module} import AsyncHTTPClient
async def main():
    response = await AsyncHTTPClient().fetch(sys.argv[1])
    sys.stdout.buffer.write(response.body)
asyncio.run(main())
"""
_SYNCHRONOUS = """
import sys
from {module} import HTTPClient
http = HTTPClient()
sys.stdout.buffer.write(http.fetch(sys.argv[1]).body)
http.close()
"""
_PYCURL = """
import sys, pycurl
curl = pycurl.Curl()
curl.setopt(pycurl.URL, sys.argv[1])
curl.setopt(pycurl.WRITEFUNCTION, sys.stdout.buffer.write)
curl.perform()
"""
_AIOHTTP = """
import asyncio, sys
import aiohttp
async def main():
    async with aiohttp.ClientSession() as session, session.get(sys.argv[1]) as response:
        sys.stdout.buffer.write(await response.read())
asyncio.run(main())
"""
_HTTPX = """
import sys
import httpx
sys.stdout.buffer.write(httpx.get(sys.argv[1]).content)
"""
_NIQUESTS = """
import sys
import niquests
sys.stdout.buffer.write(niquests.get(sys.argv[1]).content)
"""
#: By client: what pip installs, and the script, which fetches its only argument and writes the body.
SCRIPTS = {
    "waterspout": ("waterspout-httpclient", _SYNCHRONOUS.format(module="waterspout.httpclient")),
    "waterspout-async": ("waterspout-httpclient", _TORNADOISH.format(module="waterspout.httpclient")),
    "tornado": ("tornado==6.6.1", _SYNCHRONOUS.format(module="tornado.httpclient")),
    "tornado-async": ("tornado==6.6.1", _TORNADOISH.format(module="tornado.httpclient")),
    "aiohttp": ("aiohttp", _AIOHTTP),
    "httpx": ("httpx", _HTTPX),
    "niquests": ("niquests", _NIQUESTS),
    "pycurl": ("pycurl", _PYCURL),
}


class Environments:
    """One environment a client below *folder*, made where it is missing."""

    def __init__(self, folder: Path, python: str, dist: Path, names: list[str]) -> None:
        self.folder = folder
        self.names = names
        for name in names:
            if not (folder / name / "complete").exists():
                self._make(name, python, dist)

    def python(self, name: str) -> str:
        """The interpreter of a client's environment."""
        return str(self.folder / name / "bin" / "python")

    def _make(self, name: str, python: str, dist: Path) -> None:
        target = self.folder / name
        subprocess.run([python, "-m", "venv", "--clear", str(target)], check=True)
        install = [self.python(name), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if name.startswith("waterspout"):
            if not list(dist.glob("waterspout_httpclient-*.whl")):
                raise LookupError(f"no wheel of waterspout-httpclient in {dist}: build them by `hatch build --all`")
            install += ["--no-index", "--find-links", str(dist)]
        subprocess.run([*install, SCRIPTS[name][0]], check=True)
        (target / "script.py").write_text(SCRIPTS[name][1])
        # Its own pip does not slow an environment down, but is no part of what is compared.
        remove = [self.python(name), "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools"]
        subprocess.run(remove, check=True, stderr=subprocess.DEVNULL)
        subprocess.run([self.python(name), "-m", "compileall", "-q", str(target / "lib")], check=True)
        (target / "complete").touch()


def time_script(name: str, python: str, url: str, cpu: int | None) -> float:
    """Milliseconds from starting the interpreter to its end, the lowest of three runs. Raises on a wrong answer."""
    pin = (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None
    script = Path(python).parent.parent / "script.py"
    times = []
    for _ in range(3):
        begun = monotonic()
        ended = subprocess.run([python, "-I", str(script), url], capture_output=True, preexec_fn=pin, timeout=60)
        times.append((monotonic() - begun) * 1000)
        if ended.returncode or ended.stdout != SMALL:
            raise RuntimeError(f"the script of {name} failed: {ended.stderr.decode(errors='replace')[-2000:]}")
    return min(times)
