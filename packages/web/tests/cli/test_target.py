"""Applications by file and module."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from waterspout.cli._target import TargetError, check_servable, load


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def loaded(target: str) -> Any:
    return asyncio.run(load(target))


@pytest.mark.parametrize("target", ["one_app.py", "one_app.py:app", "one_app", "one_app:app", "./one_app.py"])
def test_attribute_of_a_file_or_a_module(folder: Path, target: str) -> None:
    (folder / "one_app.py").write_text("app = 'the application'")
    assert loaded(target) == "the application"


@pytest.mark.parametrize("definition", ["def make_app():", "async def make_app():"])
def test_function_is_called_and_waited_for(folder: Path, definition: str) -> None:
    (folder / "two_app.py").write_text(f"{definition}\n    return 'made'")
    assert loaded("two_app.py") == "made" == loaded("two_app:make_app")


def test_names_are_tried_in_order(folder: Path) -> None:
    (folder / "three_app.py").write_text("create_app = lambda: 3\nmake_app = lambda: 2\napplication = 1")
    assert loaded("three_app.py") == 1


def test_file_in_another_folder_imports_its_neighbours(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "neighbour_of_app.py").write_text("value = 5")
    (folder / "sub" / "four_app.py").write_text("import neighbour_of_app\napp = neighbour_of_app.value")
    assert loaded("sub/four_app.py") == 5


def test_module_in_a_package(folder: Path) -> None:
    (folder / "five").mkdir()
    (folder / "five" / "inside.py").write_text("app = 5")
    assert loaded("five.inside:app") == 5


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere.py", "there is no file 'nowhere.py'"),
        ("nowhere_at_all", "there is no module 'nowhere_at_all'"),
        ("json.nowhere:app", "there is no module 'json.nowhere'"),
        ("not a module", "neither a Python file"),
        ("six_app.py:ap", r"defines no 'ap': did you mean appl\?"),
        ("six_app.py", "none of app, application, make_app, create_app"),
        ("six_app.py:nothing", "has to return it"),
    ],
)
def test_what_is_wrong_with_a_target(folder: Path, target: str, message: str) -> None:
    (folder / "six_app.py").write_text("appl = 1\ndef nothing(): pass")
    with pytest.raises(TargetError, match=message):
        loaded(target)


def test_what_the_module_raises_is_not_hidden(folder: Path) -> None:
    (folder / "seven_app.py").write_text("import there_is_no_such_module_of_mine")
    for target in ("seven_app.py", "seven_app:app"):
        with pytest.raises(ModuleNotFoundError, match="there_is_no_such_module_of_mine"):
            loaded(target)


SERVABLE = """
from waterspout import web
from waterspout.asgi import ASGIContainer
from waterspout.routing import RuleRouter
from waterspout.wsgi import WSGIContainer

class Book(web.RequestHandler):
    pass

class Plain:
    pass

class Called:
    def __call__(self, request):
        pass

class Protocol:
    async def __call__(self, scope, receive, send):
        pass

app = web.Application()
router = RuleRouter([])
asgi = ASGIContainer(Protocol())
wsgi = WSGIContainer(lambda environ, start_response: [])
called = Called()
bare = Protocol()
text = "text"

def make_app(): return app
def make_callback(): return lambda request: None
def make_class(): return Book
def configured(path, *, debug, port=1): return app
"""


@pytest.mark.parametrize("name", ["app", "router", "asgi", "wsgi", "called", "make_app", "make_callback"])
def test_what_serves_requests_is_taken(folder: Path, name: str) -> None:
    (folder / "servable.py").write_text(SERVABLE)
    served(f"servable.py:{name}")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Book", "Book is a request handler; give an Application, or a function that makes one"),
        ("make_class", "make_class is a request handler; give an Application"),
        ("Plain", "Plain is a class; give an Application"),
        ("text", "text is of type str, which serves no requests; give an Application"),
        ("bare", r"bare does not take a request, but \(scope, receive, send\); give an Application, an ASGIContainer"),
        ("configured", r"configured needs arguments \(path, debug\); give an Application"),
    ],
)
def test_what_does_not_is_refused_in_a_line(folder: Path, name: str, message: str) -> None:
    (folder / "servable.py").write_text(SERVABLE)
    with pytest.raises(TargetError, match=f"^servable.py:{message}"):
        served(f"servable.py:{name}")


def served(target: str) -> None:
    check_servable(target, loaded(target))
