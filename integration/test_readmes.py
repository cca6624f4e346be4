"""Each README is what an index shows of its distribution: names that are there, code that parses, extras that exist."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
READMES = [ROOT / "README.md", *sorted(ROOT.glob("packages/*/README.md"))]
IMPORTS = re.compile(r"^ *from (waterspout[\w.]*) import (?:\(([^)]*)\)|([^\n#]*))", re.MULTILINE)


@pytest.fixture(params=READMES, ids=lambda path: path.parent.name)
def readme(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def code(readme: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)


def imported(text: str) -> Iterator[tuple[str, str]]:
    for module, several, one in IMPORTS.findall(text):
        for name in (several or one).split(","):
            if name.strip():
                yield module, name.split(" as ")[0].strip()


def exists(dotted: str) -> bool:
    """Whether it is a module, or an attribute of one, however deep."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def test_code_parses_and_imports_names_that_are_there(readme: Path) -> None:
    blocks = code(readme)
    assert blocks, "a page that sells something shows it"
    for block in blocks:
        ast.parse(block)
        for module, name in imported(block):
            assert exists(f"{module}.{name}"), f"from {module} import {name}"


def test_modules_that_are_named_are_there(readme: Path) -> None:
    named = set(re.findall(r"`(waterspout(?:\.\w+)+)`", readme.read_text(encoding="utf-8")))
    assert [name for name in sorted(named) if not exists(name)] == []


def test_every_public_package_of_the_distribution_is_named(readme: Path) -> None:
    if readme.parent == ROOT:
        pytest.skip("the root has no package of its own")
    source = readme.parent / "src/waterspout"
    public = {init.parent.name for init in source.glob("*/__init__.py")}
    text = readme.read_text(encoding="utf-8")
    assert [name for name in sorted(public) if not re.search(rf"\b{name}\b", text)] == []


def test_what_is_to_be_installed_can_be(readme: Path) -> None:
    """Its own name stands in a command, and each extra that is named anywhere is one of that distribution."""
    text = readme.read_text(encoding="utf-8")
    for package, extras in re.findall(r"(waterspout(?:-\w+)?)\[([\w,-]+)\]", text):
        folder = ROOT / "packages" / package.removeprefix("waterspout-") if "-" in package else ROOT
        known = tomllib.loads((folder / "pyproject.toml").read_text())["project"].get("optional-dependencies", {})
        assert set(extras.split(",")) <= set(known), f"{package}[{extras}]"
    if readme.parent != ROOT:
        assert f"pip install waterspout-{readme.parent.name}" in text


@pytest.fixture(scope="module")
def commands() -> dict[str, list[str]]:
    """The folders of examples/README.md and their commands, as .ci/examples runs them."""
    loader = SourceFileLoader("ci_examples", str(ROOT / ".ci/examples"))
    script = module_from_spec(spec_from_loader(loader.name, loader))
    sys.modules[loader.name] = script
    loader.exec_module(script)
    found: dict[str, list[str]] = {}
    for command, _, _ in script.rows(ROOT):
        found.setdefault(re.findall(r"examples/(\w+)", command)[0], []).append(command)
    return found


def test_each_example_is_a_folder_with_its_row_and_is_tried_from_a_fresh_clone(commands: dict[str, list[str]]) -> None:
    here = {each.name for each in (ROOT / "examples").iterdir()} - {"README.md", "__pycache__"}
    assert here == set(commands)
    shown = re.findall(r"\{include\} \.\./examples/(\w+)/README\.md", (ROOT / "docs/examples.md").read_text())
    assert set(shown) == here


def test_each_example_says_its_command_and_what_comes_next(commands: dict[str, list[str]]) -> None:
    for name, rows in commands.items():
        text = (ROOT / "examples" / name / "README.md").read_text(encoding="utf-8")
        assert re.findall(r"^\$ (.*)", text, re.MULTILINE) == rows, name
        assert "\nNext: " in text, name


def test_links_between_examples_lead_somewhere() -> None:
    for readme in (ROOT / "examples").glob("**/README.md"):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", readme.read_text(encoding="utf-8")):
            assert (readme.parent / link).exists(), f"{readme}: {link}"
