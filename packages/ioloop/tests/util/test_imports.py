"""Objects by name, code by text."""

import os.path
import sys
import unittest
from pathlib import Path

import pytest

from waterspout.util import doctests, exec_in, import_object


def test_a_module_is_found() -> None:
    assert import_object("os") is os
    assert import_object("os.path") is os.path


def test_a_member_is_found() -> None:
    assert import_object("os.path.join") is os.path.join


def test_a_submodule_is_imported() -> None:
    sys.modules.pop("xml.sax.saxutils", None)
    assert import_object("xml.sax.saxutils").escape("<") == "&lt;"


def test_a_missing_member_names_both() -> None:
    with pytest.raises(ImportError, match="No module named nothing in os"):
        import_object("os.nothing")
    with pytest.raises(ModuleNotFoundError):
        import_object("no_such_module_at_all")


def test_an_import_error_inside_of_the_module_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "outer_package").mkdir()
    (tmp_path / "outer_package" / "__init__.py").write_text("")
    (tmp_path / "outer_package" / "needy.py").write_text("import something_not_installed\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="something_not_installed"):
        import_object("outer_package.needy")


def test_exec_in_runs_text_and_code_in_the_namespace() -> None:
    namespace: dict[str, object] = {"x": 1}
    exec_in("y = x + 1", namespace)
    exec_in(compile("z = y + 1", "<test>", "exec"), namespace)
    assert (namespace["y"], namespace["z"]) == (2, 3)


def test_exec_in_puts_locals_where_asked() -> None:
    local: dict[str, object] = {}
    exec_in("y = 5", {}, local)
    assert local == {"y": 5}


def test_the_documented_examples_are_true() -> None:
    result = unittest.TestResult()
    doctests().run(result)
    assert result.testsRun > 0
    assert result.wasSuccessful(), result.failures
