"""Templates that wait."""

import asyncio

import pytest

from waterspout.template import DictLoader, Template


async def answer(value: object) -> object:
    await asyncio.sleep(0)
    return value


def render(source: str, **variables: object) -> bytes:
    return asyncio.run(Template(source, name="t.html").generate_async(answer=answer, **variables))


def test_an_awaitable_value_is_awaited_and_escaped() -> None:
    assert render("a{{ answer('<') }}b{% raw answer('<') %}c{{ '<' }}") == b"a&lt;b<c&lt;"


def test_await_may_stand_in_expressions_and_statements() -> None:
    source = (
        "{% for x in await answer([1, 2]) %}{{ x }}{% end %}{% set y = await answer(3) %}{{ (await answer(y)) + 1 }}"
    )
    assert render(source) == b"124"


def test_await_may_stand_in_what_is_applied() -> None:
    assert render("{% apply upper %}a{{ await answer('b') }}{% end %}", upper=bytes.upper) == b"AB"


def test_a_custom_escape_function_gets_the_awaited_value() -> None:
    assert render("{% autoescape upper %}{{ answer('b') }}", upper=bytes.upper) == b"B"


def test_a_template_with_await_refuses_generate_and_says_what_to_call() -> None:
    template = Template("{{ await x }}", name="t.html")
    with pytest.raises(RuntimeError, match=r"t.html uses await: call generate_async\(\)"):
        template.generate(x=None)


def test_await_in_an_included_file_counts() -> None:
    loader = DictLoader({"a": "{% include 'b' %}", "b": "{{ await answer(1) }}"})
    assert asyncio.run(loader.load("a").generate_async(answer=answer)) == b"1"


def test_the_word_in_a_text_does_not_make_a_template_asynchronous() -> None:
    assert Template("await {{ 'async' }}").generate() == b"await async"


def test_an_error_while_waiting_names_the_templates_line() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        render("\n\n{{ await answer(1 / 0) }}")
    assert caught.traceback[-1].lineno == 2  # counted from 0
    assert str(caught.traceback[-1].path) == "t.html"
