"""Fixtures of the alias's tests: each test is a process of its own, since an alias cannot be taken back."""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest


class Programs:
    """Runs programs in a folder of their own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> pathlib.Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def run(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if key != "WATERSPOUT_TORNADO"}
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.folder,
            env={**clean, **environment},
        )

    def output(self, *arguments: object, **environment: str) -> str:
        """What the program printed; fails if it did not end well."""
        result = self.run(*arguments, **environment)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def aliased(self, code: str) -> str:
        """What ``code`` prints after ``install()``."""
        return self.output("-c", "import waterspout.tornado\nwaterspout.tornado.install()\n" + textwrap.dedent(code))


@pytest.fixture
def programs(tmp_path: pathlib.Path) -> Programs:
    return Programs(tmp_path)
