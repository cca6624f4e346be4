"""Errors in running templates name the template's file and line."""

import linecache
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from waterspout.template import DictLoader, Loader, Template


def frames(
    act: Callable[[], object], kind: type[Exception] = ZeroDivisionError
) -> list[tuple[str, int | None, str, str | None]]:
    try:
        act()
    except kind as error:
        return [(f.filename, f.lineno, f.name, f.line) for f in traceback.extract_tb(error.__traceback__)]
    raise AssertionError("no error was raised")


def test_an_expression_is_named_with_its_line_and_source() -> None:
    template = DictLoader({"test.html": "hello\n{{ 1 / 0 }}\nbye"}).load("test.html")
    assert frames(template.generate)[-1] == ("test.html", 2, "template", "{{ 1 / 0 }}  # test.html:2")


def test_no_generated_code_is_shown() -> None:
    shown = frames(Template("{% if 1 / 0 %}{% end %}").generate)
    assert len(shown) == 3
    assert shown[-1][:2] == ("template <string>", 1)


def test_a_string_template_gives_its_lines_to_no_other_code_named_string() -> None:
    frames(Template("{{ 1 / 0 }}").generate)
    assert "<string>" not in linecache.cache


def test_an_included_file_has_a_frame_of_its_own_below_the_one_that_includes_it() -> None:
    loader = DictLoader(
        {"a.html": "\n{% include 'b.html' %}", "b.html": "{% include 'c.html' %}", "c.html": "{{ 1 / 0 }}"}
    )
    shown = frames(loader.load("a.html").generate)
    assert [frame[:3] for frame in shown[-3:]] == [
        ("a.html", 2, "template"),
        ("b.html", 1, "include"),
        ("c.html", 1, "include"),
    ]
    assert shown[-1][3] == "{{ 1 / 0 }}  # c.html:1 (via b.html:1, a.html:2)"


def test_a_replaced_block_is_named_where_it_stands() -> None:
    loader = DictLoader(
        {
            "base.html": "x\n{% block body %}{% end %}",
            "page.html": "{% extends 'base.html' %}\n\n{% block body %}\n{{ 1 / 0 }}{% end %}",
        }
    )
    shown = frames(loader.load("page.html").generate)
    assert [frame[:3] for frame in shown[-2:]] == [("base.html", 2, "template"), ("page.html", 4, "block body")]


def test_the_second_line_of_an_expression_is_told_from_the_first() -> None:
    template = Template("{{ [1,\n 1 / 0,\n 2] }}", name="t.html")
    assert frames(template.generate)[-1][1] == 2


def test_an_error_of_a_function_called_keeps_its_own_frames() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    shown = frames(lambda: Template("\n{% apply str %}{{ fail() }}{% end %}", name="t.html").generate(fail=fail))
    assert shown[-2][:2] == ("t.html", 2)
    assert shown[-1][2] == "fail"


def test_a_file_is_named_with_its_full_path(tmp_path: Path) -> None:
    (tmp_path / "t.html").write_text("one\n<b>{{ 1 / 0 }}</b>\n")
    shown = frames(Loader(str(tmp_path)).load("t.html").generate)
    assert shown[-1] == (str(tmp_path / "t.html"), 2, "template", "<b>{{ 1 / 0 }}</b>")


def test_the_frame_has_the_variables_of_the_template() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        Template("{% set user = 'ben' %}{{ 1 / 0 }}").generate()
    assert caught.traceback[-1].frame.f_locals == {"user": "ben"}


def test_the_exception_that_was_being_handled_stays_its_context() -> None:
    template = Template("{% try %}{{ 1 / 0 }}{% except ZeroDivisionError %}{{ {}['x'] }}{% end %}")
    with pytest.raises(KeyError) as caught:
        template.generate()
    assert isinstance(caught.value.__context__, ZeroDivisionError)
    assert not caught.value.__suppress_context__


def test_the_error_in_a_template_inside_a_template_keeps_both() -> None:
    inner = Template("{{ 1 / 0 }}", name="inner.html")
    shown = frames(lambda: Template("\n{% raw inner() %}", name="outer.html").generate(inner=inner.generate))
    assert [name for name, *_ in shown if name.endswith("html")] == ["outer.html", "inner.html"]
