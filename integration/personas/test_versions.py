"""Distributions have versions of their own, and each works with any sibling that its ranges admit.

What was released is listed in ``releases.toml`` by its tag (``web-v0.1.0``: CONTRIBUTING.md) and the tag's commit, so
that a clone without tags knows it, too. Web as it is here is tested with the oldest siblings in its ranges, the last
released web with the lower layers as they are here, both by web's own tests; and what each distribution's public
packages promised at its last release must still hold, or its minor version be higher.

Where this is a copy without history, ``WATERSPOUT_HISTORY`` names the repository.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

if TYPE_CHECKING:
    import griffe  # at run time only where these tests are asked for: every environment looks into this file

ROOT = Path(__file__).resolve().parents[2]
HISTORY = Path(os.environ.get("WATERSPOUT_HISTORY", ROOT))
RELEASES: dict[str, str] = tomllib.loads((Path(__file__).parent / "releases.toml").read_text(encoding="utf-8"))
LAYERS = ("ioloop", "http", "httpserver", "httpclient", "web", "auth")


def git(*arguments: str, **options: Any) -> subprocess.CompletedProcess[Any]:
    command = ["git", "-c", "safe.directory=*", "-C", str(HISTORY), *arguments]
    return subprocess.run(command, capture_output=True, check=True, **options)


@dataclass(frozen=True)
class Release:
    """One released version of one distribution."""

    package: str
    version: Version
    commit: str

    @classmethod
    def listed(cls, tag: str) -> Release:
        """The release of a tag in `RELEASES`."""
        package, _, version = tag.rpartition("-v")
        return cls(package, Version(version), RELEASES[tag])

    @property
    def tag(self) -> str:
        return f"{self.package}-v{self.version}"

    def unpack(self, folder: Path) -> Path:
        """Its sources, in a new folder below ``folder``: those of its package alone."""
        target = folder / self.tag
        target.mkdir()
        archive = folder / f"{self.tag}.tar"
        git("archive", "-o", str(archive), self.commit, f"packages/{self.package}")
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")
        return target / "packages" / self.package


def releases(package: str) -> list[Release]:
    """The released versions of one package, the oldest first; the test is skipped if their commits are not here."""
    found = [release for release in map(Release.listed, RELEASES) if release.package == package]
    for release in found:
        try:
            git("cat-file", "-e", f"{release.commit}^{{commit}}")
        except (subprocess.CalledProcessError, FileNotFoundError):
            pytest.skip(f"{HISTORY} has no commit {release.commit} of {release.tag} (git fetch --unshallow?)")
    return sorted(found, key=lambda release: release.version)


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def siblings(folder: Path) -> dict[str, Requirement]:
    """What the package in ``folder`` requires of ours, by the package's folder name."""
    requirements = map(Requirement, project(folder)["dependencies"])
    return {r.name.removeprefix("waterspout-"): r for r in requirements if r.name.startswith("waterspout-")}


def oldest(package: str, requirement: Requirement) -> Release:
    """The oldest released version of ``package`` that a requirement admits; the test is skipped if there is none."""
    for release in releases(package):
        if release.version in requirement.specifier:
            return release
    pytest.skip(f"no release of {package} in {requirement.specifier} is listed in releases.toml")


def last(package: str) -> Release:
    """The last released version."""
    return releases(package)[-1]


def build(source: Path, folder: Path) -> Path:
    """The wheel of the package in ``source``, put into ``folder``."""
    before = set(folder.glob("*.whl"))
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    run = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    (made,) = set(folder.glob("*.whl")) - before
    return made


def run_tests_of_web(environment: Any, wheels: list[Path], tests: Path) -> None:
    """Web's tests in an environment with exactly these wheels of ours."""
    environment.uv("install", "--no-deps", *wheels)
    environment.uv("check")
    environment.uv("install", "--group", f"{ROOT / 'pyproject.toml'}:test", "pytest-xdist>=3.6")
    settings = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tests.parent), "-p", "no:cacheprovider"]
    command = [environment.python, "-m", "pytest", "-q", "-x", "-n", "2", *settings, str(tests)]
    run = subprocess.run(command, cwd=ROOT, env=without_our_settings(), capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, (
        f"web's tests fail with exactly {[wheel.name for wheel in wheels]}: if one side needs what the other has only"
        f" since its release, that one's version and the floor in web's range must rise (CONTRIBUTING.md, Releases)\n"
        f"{run.stdout[-6000:]}{run.stderr[-2000:]}"
    )


def without_our_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST_"))}


@pytest.mark.parametrize("tag", RELEASES)
def test_a_release_is_the_commit_of_its_tag_and_has_its_version(tag: str) -> None:
    release = Release.listed(tag)
    assert release.package in LAYERS and re.fullmatch("[0-9a-f]{40}", release.commit)
    assert release in releases(release.package)
    sources = git("show", f"{release.commit}:packages/{release.package}/pyproject.toml", text=True).stdout
    assert Version(tomllib.loads(sources)["project"]["version"]) == release.version
    tagged = git("tag", "--list", tag, "--format=%(*objectname)", text=True).stdout.strip()
    assert tagged in ("", release.commit), f"{tag} is {tagged}, not the commit that releases.toml lists"


def test_web_works_with_the_oldest_siblings_in_its_ranges(
    make_environment: Callable[[], Any], dist: Path, tmp_path: Path
) -> None:
    found = [oldest(package, requirement) for package, requirement in siblings(ROOT / "packages" / "web").items()]
    wheels = [build(release.unpack(tmp_path), tmp_path) for release in found]
    wheels += dist.glob("waterspout_web-*.whl")
    run_tests_of_web(make_environment(), wheels, ROOT / "packages" / "web" / "tests")


def test_the_last_released_web_works_with_the_newest_lower_layers(
    make_environment: Callable[[], Any], dist: Path, tmp_path: Path
) -> None:
    source = last("web").unpack(tmp_path)
    for package, requirement in siblings(source).items():
        here = Version(project(ROOT / "packages" / package)["version"])
        if here not in requirement.specifier:
            pytest.skip(f"the last released web does not want {package} {here}: a new one is due")
    wheels = [build(source, tmp_path)]
    wheels += [wheel for package in siblings(source) for wheel in dist.glob(f"waterspout_{package}-*.whl")]
    run_tests_of_web(make_environment(), wheels, source / "tests")


def promises(folders: list[Path]) -> griffe.Module:
    """All public packages below these folders, which are packages' sources, as griffe reads them."""
    import griffe

    tree = griffe.load("waterspout", search_paths=[str(folder / "src") for folder in folders], resolve_aliases=True)
    assert isinstance(tree, griffe.Module)
    return tree


def broken_promises(package: Path, before: griffe.Module, after: griffe.Module) -> list[str]:
    """What users of the public packages of one distribution can no longer do, as griffe tells it."""
    import griffe

    lines = []
    for name in sorted(init.parent.name for init in package.glob("src/waterspout/*/__init__.py")):
        if name not in after.members:
            lines.append(f"waterspout.{name} is gone")
            continue
        found = griffe.find_breaking_changes(before[name], after[name])
        lines += [breakage.explain(griffe.ExplanationStyle.ONE_LINE) for breakage in found]
    return lines


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], griffe.Module]:
    """The sources of the last release of each distribution, and what they promise."""
    folder = tmp_path_factory.mktemp("released")
    sources = {package: last(package).unpack(folder) for package in LAYERS}
    return sources, promises(list(sources.values()))


@pytest.fixture(scope="session")
def here() -> griffe.Module:
    return promises([ROOT / "packages" / package for package in LAYERS])


@pytest.mark.parametrize("package", LAYERS)
def test_public_promises_hold_until_the_minor_version_rises(
    package: str, released: tuple[dict[str, Path], griffe.Module], here: griffe.Module
) -> None:
    sources, before = released
    then, now = (Version(project(folder)["version"]) for folder in (sources[package], ROOT / "packages" / package))
    assert now >= then, f"{package} is {now} here, but {then} has been released"
    broken = broken_promises(sources[package], before, here)
    if (now.major, now.minor) == (then.major, then.minor):
        assert not broken, f"{package} {now} breaks what {then} promised:\n" + "\n".join(broken)


def test_a_promise_that_is_broken_is_seen(tmp_path: Path) -> None:
    for name, code in {
        "before": "def keep(a): ...\ndef gone(): ...\ndef narrower(a, b=1): ...\n",
        "after": "def keep(a, b=1): ...\ndef narrower(a, b): ...\n",
    }.items():
        folder = tmp_path / name / "src" / "waterspout" / "made_up"
        folder.mkdir(parents=True)
        names = [line.split()[1].partition("(")[0] for line in code.splitlines()]
        imports = f"from waterspout.made_up._code import {', '.join(names)}"
        (folder / "__init__.py").write_text(f"{imports}\n__all__ = {names}\n", encoding="utf-8")
        (folder / "_code.py").write_text(code, encoding="utf-8")
    before, after = (promises([tmp_path / name]) for name in ("before", "after"))
    lines = broken_promises(tmp_path / "before", before, after)
    assert len(lines) == 2 and "gone" in lines[0] + lines[1] and "narrower" in lines[0] + lines[1], lines
