"""The masking accelerator in waterspout-http's wheel: built where WATERSPOUT_ACCELERATE asks for it, and used then."""

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

HTTP = pathlib.Path(__file__).parents[1] / "packages" / "http"
TESTS = HTTP / "tests" / "ws"
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: nothing to accelerate with")


def build(folder: pathlib.Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    environment = {name: value for name, value in os.environ.items() if name not in ("WATERSPOUT_ACCELERATE", "CC")}
    return subprocess.run(command, cwd=HTTP, env={**environment, **env}, capture_output=True, text=True)


def wheel(folder: pathlib.Path) -> tuple[str, list[str]]:
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as file:
        return path.name, [name for name in file.namelist() if "_accelerated" in name and not name.endswith(".pyi")]


@pytest.mark.parametrize("asked", [{}, {"WATERSPOUT_ACCELERATE": "0"}, {"WATERSPOUT_ACCELERATE": ""}])
def test_a_wheel_is_pure_unless_the_accelerator_is_asked_for(tmp_path, asked):
    built = build(tmp_path, CC="/nonexistent/cc", **asked)
    assert built.returncode == 0, built.stderr
    name, compiled = wheel(tmp_path)
    assert name.endswith("-py3-none-any.whl") and compiled == []


def test_auto_gives_a_pure_wheel_and_says_why_where_there_is_no_compiler(tmp_path):
    built = build(tmp_path, CC="/nonexistent/cc", WATERSPOUT_ACCELERATE="auto")
    assert built.returncode == 0, built.stderr
    assert "built without the accelerator: /nonexistent/cc cannot be run" in built.stdout + built.stderr
    assert wheel(tmp_path)[1] == []


@pytest.mark.parametrize(
    ("asked", "says"), [("1", "/nonexistent/cc cannot be run"), ("yes", "WATERSPOUT_ACCELERATE=yes is not understood")]
)
def test_what_cannot_be_built_or_understood_fails(tmp_path, asked, says):
    built = build(tmp_path, CC="/nonexistent/cc", WATERSPOUT_ACCELERATE=asked)
    assert built.returncode != 0 and says in built.stdout + built.stderr
    assert list(tmp_path.glob("*.whl")) == []


@needs_compiler
def test_an_accelerated_wheel_is_for_its_platform_and_passes_the_codecs_tests(tmp_path):
    built = build(tmp_path, WATERSPOUT_ACCELERATE="1")
    assert built.returncode == 0, built.stderr
    name, compiled = wheel(tmp_path)
    assert "-none-any" not in name and len(compiled) == 1
    installed = tmp_path / "installed"
    with zipfile.ZipFile(tmp_path / name) as file:
        file.extractall(installed)
    path = os.pathsep.join(filter(None, [str(installed), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "WATERSPOUT_EXPECT_ACCELERATED": "1"}
    tests = [str(TESTS / f"test_{name}.py") for name in ("masking", "frames")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=TESTS.parents[3])
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-2000:]
