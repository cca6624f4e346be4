"""What the built wheels contain and promise: the namespace, the types, the one arrow between the distributions."""

import ast
import pathlib

import pytest
from packaging.version import Version

NAMES_BY_DISTRIBUTION = {
    "waterspout-ioloop": {
        "util", "escape", "log", "options", "concurrent", "ioloop", "gen", "locks", "queues", "netutil", "iostream",
        "process", "tcpclient", "tcpserver", "autoreload", "platform", "asynctest", "pubsub", "tornado",
    },
    "waterspout-http": {"httputil", "http1", "ws", "http1connection", "wsconnection"},
    "waterspout-httpserver": {"httpserver", "routing", "wsgi", "asgi"},
    "waterspout-httpclient": {"httpclient", "simple_httpclient", "curl_httpclient", "wsclient"},
    "waterspout-web": {"template", "locale", "web", "websocket", "testing", "cli"},
    "waterspout-auth": {"auth"},
}  # fmt: skip
"""DESIGN.md, section 1: where each public package lives, the lowest distribution first."""

MAY_REQUIRE = {
    "waterspout-ioloop": set(),
    "waterspout-http": {"waterspout-ioloop"},
    "waterspout-httpserver": {"waterspout-ioloop", "waterspout-http"},
    "waterspout-httpclient": {"waterspout-ioloop", "waterspout-http"},
    "waterspout-web": {"waterspout-ioloop", "waterspout-http", "waterspout-httpserver", "waterspout-httpclient"},
    "waterspout-auth": {
        "waterspout-ioloop", "waterspout-http", "waterspout-httpserver", "waterspout-httpclient", "waterspout-web",
    },
    "waterspout": set(NAMES_BY_DISTRIBUTION),
}  # fmt: skip
"""The siblings that lie below each distribution. Server and client lie side by side and never see each other."""

BARE_FILES = {"waterspout-web": {"waterspout/__main__.py"}}
"""Files that may lie directly in the namespace folder: `python -m waterspout` is web's."""


BESIDE_THE_NAMESPACE = {
    "waterspout-ioloop": {"waterspout_pytest.py", "waterspout_tornado.pth"},
    "waterspout-web": {"waterspout_web_pytest.py"},
}
"""Straight in site-packages: pytest's entries, and how child processes follow `waterspout.tornado.install()`."""


def siblings(wheel):
    return [requirement for requirement in wheel.requirements if requirement.name.startswith("waterspout")]


def test_every_distribution_of_the_checkout_has_its_wheel(wheels, checkout):
    assert set(wheels) == set(checkout) == set(MAY_REQUIRE)


def test_wheels_were_built_from_this_checkout(wheels, checkout):
    for name, wheel in wheels.items():
        sources = checkout[name].folder / "src"
        built = {module.path: module.source for module in wheel.modules}
        present = {
            path.relative_to(sources).as_posix(): path.read_bytes()
            for path in sources.rglob("*.py")
            if name != "waterspout"
        }
        stale = {path for path in built.keys() | present.keys() if built.get(path) != present.get(path)}
        assert not stale, f"{name}: rebuild the wheels, these files differ from the sources: {sorted(stale)}"
        assert wheel.metadata["Version"] == checkout[name].version


def test_no_wheel_closes_the_namespace(wheels):
    for name, wheel in wheels.items():
        assert "waterspout/__init__.py" not in wheel.files, f"{name} would make all its siblings unimportable"
        assert "waterspout/py.typed" not in wheel.files, f"{name}: py.typed belongs into each public package"


def test_every_public_name_is_a_package_with_its_py_typed(wheels):
    for name, wheel in wheels.items():
        inside = [pathlib.PurePosixPath(file) for file in wheel.files if file.startswith("waterspout/")]
        bare = {str(path) for path in inside if len(path.parts) == 2}
        assert bare <= BARE_FILES.get(name, set()), f"{name}: each of {sorted(bare)} should be a package"
        for package in {path.parts[1] for path in inside if len(path.parts) > 2}:
            for file in ("__init__.py", "py.typed"):
                assert f"waterspout/{package}/{file}" in wheel.files, f"{name}: waterspout/{package} lacks {file}"


def test_public_packages_live_in_their_distribution(wheels):
    for name, wheel in wheels.items():
        public = {file.split("/")[1] for file in wheel.files if file.startswith("waterspout/") and file.count("/") > 1}
        misplaced = public - NAMES_BY_DISTRIBUTION.get(name, set())
        assert not misplaced, f"{name} carries {sorted(misplaced)}, which DESIGN.md puts elsewhere or does not know"


def test_wheels_install_nothing_else_into_site_packages(wheels):
    for name, wheel in wheels.items():
        beside = {file for file in wheel.files if not file.startswith("waterspout/") and ".dist-info/" not in file}
        assert beside == BESIDE_THE_NAMESPACE.get(name, set()), name


def test_no_file_is_in_two_wheels(wheels):
    seen = {}
    for name, wheel in wheels.items():
        for file in wheel.files:
            assert file not in seen, f"{file} is in {seen[file]} and in {name}"
            seen[file] = name


def test_no_sibling_is_named_upward(wheels):
    for name, wheel in wheels.items():
        upward = {requirement.name for requirement in siblings(wheel)} - MAY_REQUIRE[name]
        assert not upward, f"{name} requires {sorted(upward)}, which lies above or beside it"


def test_every_sibling_range_has_floor_and_ceiling_and_admits_the_checkout(wheels, checkout):
    for name, wheel in wheels.items():
        for requirement in siblings(wheel):
            operators = {part.operator for part in requirement.specifier}
            assert operators == {">=", "<"}, f"{name}: {requirement} needs a floor (>=) and a ceiling (<)"
            present = Version(checkout[requirement.name].version)
            assert present in requirement.specifier, f"{name}: {requirement} does not admit {present} of this checkout"


def test_third_party_requirements_are_extras_only(wheels):
    for name, wheel in wheels.items():
        for requirement in wheel.requirements:
            third_party = not requirement.name.startswith("waterspout")
            assert not third_party or "extra ==" in str(requirement.marker), f"{name} always requires {requirement}"


def test_the_root_distribution_is_all_siblings_and_no_code(wheels):
    root = wheels["waterspout"]
    assert {requirement.name for requirement in siblings(root)} == set(NAMES_BY_DISTRIBUTION)
    assert {tuple(requirement.extras) for requirement in siblings(root) if requirement.extras} == {("oidc",)}
    assert all(".dist-info/" in file for file in root.files)


def test_every_wheel_says_license_python_and_readme(wheels):
    for name, wheel in wheels.items():
        assert wheel.metadata["License-Expression"] == "Apache-2.0", name
        assert wheel.metadata["Requires-Python"] == ">=3.11", name
        assert any(file.endswith(".dist-info/licenses/LICENSE") for file in wheel.files), name
        assert wheel.metadata["Description-Content-Type"] == "text/markdown", name
        assert len(wheel.metadata.get_payload()) > 200, f"{name}: its README.md is what an index shows"


def test_every_imported_sibling_is_required_directly(wheels, owners):
    for name, wheel in wheels.items():
        declared = {requirement.name for requirement in siblings(wheel)}
        for module in wheel.modules:
            for line, target in imported_packages(module.tree):
                owner = owners.get(target, name)
                assert owner == name or owner in declared, f"{module.path}:{line}: {target} needs {owner}, undeclared"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import waterspout.gen._run", {"waterspout.gen"}),
        ("from waterspout.web import Application", {"waterspout.web"}),
        ("from waterspout import locks, queues", {"waterspout.locks", "waterspout.queues"}),
        ("def f():\n    import waterspout.web", {"waterspout.web"}),
        ("import asyncio\nfrom . import _x", set()),
    ],
)
def test_imported_packages_are_seen_in_every_spelling(source, expected):
    assert {target for _line, target in imported_packages(ast.parse(source))} == expected


def imported_packages(tree):
    """(line, `waterspout.X`) for each absolute import of a public package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == "waterspout":
            targets = [f"waterspout.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            targets = [node.module]
        else:
            continue
        for target in targets:
            parts = target.split(".")
            if parts[0] == "waterspout" and len(parts) > 1:
                yield node.lineno, ".".join(parts[:2])
