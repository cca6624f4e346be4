"""Template text to tokens."""

import pytest

from waterspout.template import ParseError
from waterspout.template._scanner import Kind, Token, scan


def tokens(source: str) -> list[Token]:
    return list(scan(source, "t.html"))


def test_text_expressions_and_directives_come_in_order_with_their_lines() -> None:
    assert tokens("a\n{{ x }}\n{% if y %}") == [
        Token(Kind.TEXT, "a\n", 1),
        Token(Kind.EXPRESSION, "x", 2),
        Token(Kind.TEXT, "\n", 2),
        Token(Kind.DIRECTIVE, "if y", 3),
    ]


def test_the_line_of_a_tag_is_where_its_content_begins() -> None:
    assert tokens("{{\n\n x\n}}{{y}}") == [Token(Kind.EXPRESSION, "x", 3), Token(Kind.EXPRESSION, "y", 4)]


@pytest.mark.parametrize("opening", ["{{", "{%", "{#"])
def test_an_exclamation_mark_makes_an_opening_literal(opening: str) -> None:
    assert "".join(token.text for token in tokens(f"a{opening}! b")) == f"a{opening} b"


def test_comments_yield_nothing_but_count_lines() -> None:
    assert tokens("{# a\nb #}{{ x }}") == [Token(Kind.EXPRESSION, "x", 2)]


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("{{{x}}}", ["{", "x", "}"]),
        ("{{{{x}}}}", ["{{", "x", "}}"]),
        ("{", ["{"]),
        ("a{ b", ["a{ b"]),
        ("{ {{x}} }", ["{ ", "x", " }"]),
    ],
)
def test_of_many_braces_the_innermost_two_open_an_expression(source: str, texts: list[str]) -> None:
    assert [token.text for token in tokens(source)] == texts


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("\n\n{{", "Missing end expression }} at t.html:3"),
        ("{% x", "Missing end block %} at t.html:1"),
        ("a\n{# x", "Missing end comment #} at t.html:2"),
        ("{{ }}", "Empty expression at t.html:1"),
        ("{% %}", "Empty block tag ({% %}) at t.html:1"),
    ],
)
def test_a_tag_that_is_not_closed_or_empty_is_an_error_with_file_and_line(source: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        tokens(source)
    assert str(caught.value) == message
    assert caught.value.filename == "t.html"


def test_a_long_run_of_braces_is_text_up_to_the_last_two() -> None:
    assert tokens("{" * 100_000 + "x}}") == [Token(Kind.TEXT, "{" * 99_998, 1), Token(Kind.EXPRESSION, "x", 1)]
