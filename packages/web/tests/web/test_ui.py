"""UI methods and modules: from settings to the names of templates."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from waterspout.web import TemplateModule, UIModule
from waterspout.web._ui import UINamespace, load_methods, load_modules


class Entry(UIModule):
    """A module."""

    def render(self, text: str) -> str:
        return f"<b>{text}</b>"


class Handler:
    """As much of a handler as modules look at."""

    request = locale = ui = None


def shout(handler: Any, text: str) -> str:
    return f"{type(handler).__name__}: {text.upper()}"


def python_module(**names: Any) -> ModuleType:
    module = ModuleType("uisource")
    vars(module).update(names)
    return module


@pytest.mark.parametrize("kind", ["module", "dictionary", "list"])
def test_modules_come_from_python_modules_dictionaries_and_lists(kind: str) -> None:
    source = python_module(Entry=Entry, helper=len, Other=int) if kind == "module" else {"Entry": Entry}
    found = load_modules([source] if kind == "list" else source)
    assert found["Entry"] is Entry and "helper" not in found and "Other" not in found
    assert found["Template"] is TemplateModule and {"linkify", "xsrf_form_html"} <= set(found)
    assert "Entry" not in load_modules(None)


@pytest.mark.parametrize("source", [{"Entry": shout}, {"Entry": UIModule}.keys(), "text", [5]])
def test_what_is_no_source_of_modules_is_a_type_error(source: Any) -> None:
    with pytest.raises(TypeError, match="ui_modules"):
        load_modules(source)


def test_methods_are_functions_with_small_names() -> None:
    source = python_module(shout=shout, _private=shout, Class=Entry, number=5)
    assert load_methods(source) == {"shout": shout}
    assert load_methods([source, {"other": shout}]) == {"shout": shout, "other": shout}


def test_methods_are_bound_to_the_handler_by_attribute_and_item() -> None:
    ui = UINamespace(Handler(), load_modules({"Entry": Entry}), {"shout": shout})
    assert ui.shout("x") == ui["shout"]("x") == "Handler: X"
    assert ui.modules.Entry("x") == "<b>x</b>" and ui["_tt_modules"] is ui.modules
    with pytest.raises(AttributeError, match="'nothing': is it in the setting ui_methods"):
        ui.nothing  # noqa: B018
    with pytest.raises(AttributeError, match="'Nothing': is it in the setting ui_modules"):
        ui.modules.Nothing  # noqa: B018


def test_the_namespace_can_be_unpacked_for_a_template() -> None:
    ui = UINamespace(Handler(), {}, {"shout": shout})
    assert set({**ui}) == set(ui.names()) == {"_tt_modules", "modules", "shout"}
