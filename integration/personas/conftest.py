"""Clean environments, and programs in them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SECONDS = 60.0


def clean() -> dict[str, str]:
    """The environment of a process that shall know nothing of this checkout, and of no proxy."""
    ours = ("PYTHON", "WATERSPOUT_", "VIRTUAL_ENV", "UV_CONSTRAINT", "UV_FIND_LINKS", "PIP_CONSTRAINT")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(ours) and not name.lower().endswith("_proxy")
    }


def uv() -> str:
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    assert found, "pip install uv: it makes the environments"
    return found


@dataclass(frozen=True)
class Environment:
    """One virtual environment."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def uv(self, *arguments: str | Path) -> str:
        """What ``uv pip ...`` says, for this environment; the test fails where uv does."""
        command = [uv(), "pip", arguments[0], "--python", self.python, *arguments[1:]]
        run = subprocess.run(list(map(str, command)), env=clean(), capture_output=True, text=True, timeout=300)
        assert run.returncode == 0, f"{command}\n{run.stdout}{run.stderr}"
        return run.stdout

    def distributions(self) -> set[str]:
        return {line["name"] for line in json.loads(self.uv("list", "--format", "json"))}

    def run(self, *arguments: str | Path, seconds: float = SECONDS) -> str:
        """What a Python program writes; the test fails unless it ends well and writes nothing to standard error."""
        command = [self.python, *map(str, arguments)]
        run = subprocess.run(command, cwd=self.folder, env=clean(), capture_output=True, text=True, timeout=seconds)
        assert (run.returncode, run.stderr) == (0, ""), f"{command}\n{run.stdout}{run.stderr}"
        return run.stdout

    def shell(self, command: str, folder: Path) -> str:
        """What a command line prints that is given in *folder*, with this environment activated; it must end well."""
        environment = clean()
        environment["PATH"] = f"{self.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        run = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
        )
        assert run.returncode == 0, f"{command}\n{run.stdout}{run.stderr}"
        return run.stdout

    def can_import(self, module: str) -> bool:
        code = f"try: import {module}\nexcept ModuleNotFoundError as error: print(error.name)"
        missing = self.run("-c", code).strip()
        assert missing in ("", module), f"{module} is there, but not {missing}, which it imports"
        return not missing

    @contextlib.contextmanager
    def serve(self, *arguments: str | Path, ending: int = signal.SIGTERM) -> Iterator[str]:
        """The first line that a server writes; at the end it gets the signal ``ending``, and must end well."""
        process = subprocess.Popen(
            [self.python, *map(str, arguments)], cwd=self.folder, env=clean(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            line = process.stdout.readline().strip()
            if not line:
                pytest.fail(f"{arguments} ended: {process.communicate(timeout=SECONDS)}")
            yield line
            process.send_signal(ending)
            _, errors = process.communicate(timeout=SECONDS)
            assert process.returncode == 0 and "Traceback" not in errors, errors
        finally:
            process.kill()
            process.communicate()


@pytest.fixture(scope="session")
def make_environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Environment]:
    """Makes a new environment with nothing in it."""

    def make() -> Environment:
        folder = tmp_path_factory.mktemp("environment") / "venv"
        subprocess.run([uv(), "venv", "-q", "--python", sys.executable, str(folder)], env=clean(), check=True)
        return Environment(folder)

    return make
