"""Colours where standard error shows them."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest

import waterspout.log
from waterspout.log._terminal import color_codes, stderr_supports_color

# Prints the codes to standard output, with standard error as it is.
REPORT = "from waterspout.log._terminal import color_codes; print(ascii(color_codes({20: 2})))"


@pytest.fixture
def terminal() -> Iterator[int]:
    """The far end of a pseudo terminal."""
    near, far = pty.openpty()
    yield far
    os.close(near)
    os.close(far)


def report(stderr: int, **environment: str) -> str:
    env = {**os.environ, "TERM": "xterm-256color", **environment}
    if "NO_COLOR" not in environment:
        env.pop("NO_COLOR", None)
    run = subprocess.run([sys.executable, "-c", REPORT], stderr=stderr, stdout=subprocess.PIPE, env=env, check=True)
    return run.stdout.decode().strip()


def test_a_terminal_with_colours_gets_them(terminal: int) -> None:
    codes, reset = eval(report(terminal))
    assert codes[20].startswith("\x1b[")
    assert "\x1b[" in reset or reset.startswith("\x1b")


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "no-such-terminal"}, {"NO_COLOR": "1"}])
def test_a_terminal_without_colours_gets_none(terminal: int, environment: dict[str, str]) -> None:
    assert report(terminal, **environment) == "({}, '')"


def test_what_is_no_terminal_gets_none() -> None:
    assert report(subprocess.DEVNULL) == "({}, '')"


def test_this_process_without_a_terminal_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert stderr_supports_color() is False
    assert color_codes({20: 2}) == ({}, "")


def test_curses_and_colorama_are_modules_or_none() -> None:
    for name in ("curses", "colorama"):
        found = getattr(waterspout.log, name)
        assert found is None or found.__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'readline'"):
        waterspout.log.readline  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_package_loads_neither() -> None:
    code = (
        "import sys, waterspout.log; print([m for m in ('curses', 'colorama', 'logging.handlers') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert run.stdout == b"[]\n"
