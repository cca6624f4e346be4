"""The grammar of directives, and what is said of a mistake."""

import pytest

from waterspout.template import ParseError, Template, TemplateSyntaxError


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [
        ("{% foo %}", "unknown operator: 'foo'", 1),
        ("a\n{% end %}", "Extra {% end %} block", 2),
        ("a\n{% if x %}\n{% for y in z %}\n{% end %}\n", "Missing {% end %} block for if", 2),
        ("{% else %}", "else outside if or for or while or try block", 1),
        ("{% if x %}{% except %}{% end %}", "except block cannot be attached to if block", 1),
        ("{% for x in y %}\n{% elif z %}{% end %}", "elif block cannot be attached to for block", 2),
        ("{% if x %}{% finally %}{% end %}", "finally block cannot be attached to if block", 1),
        ("{% extends %}", "extends missing file path", 1),
        ('{% include "" %}', "include missing file path", 1),
        ("{% set %}", "set missing statement", 1),
        ("{% import %}", "import missing statement", 1),
        ("{% from %}", "import missing statement", 1),
        ("{% block %}{% end %}", "block missing name", 1),
        ("{% apply %}{% end %}", "apply missing method name", 1),
        ("{% raw %}", "raw missing expression", 1),
        ("{% module %}", "module missing expression", 1),
        ("{% break %}", "break outside for or while block", 1),
        ("{% if x %}{% continue %}{% end %}", "continue outside for or while block", 1),
        ("{% for x in y %}{% apply f %}{% break %}{% end %}{% end %}", "break outside for or while block", 1),
        ("\n{% whitespace wide %}", "invalid whitespace mode 'wide'", 2),
        ("{% include 'x' %}", "{% include %} block found, but no template loader", 1),
        ("\n{% extends 'x' %}", "{% extends %} block found, but no template loader", 2),
    ],
)
def test_a_mistake_is_a_parse_error_with_message_file_and_line(source: str, message: str, line: int) -> None:
    with pytest.raises(ParseError) as caught:
        Template(source, name="page.html")
    assert caught.value.message.startswith(message)
    assert (caught.value.filename, caught.value.lineno) == ("page.html", line)
    assert str(caught.value) == f"{caught.value.message} at page.html:{line}"


@pytest.mark.parametrize(
    "source", ["\n\n{{ 1 + }}", "\n\n{% if True: %}{% end %}", "\n\n{% set x = = 1 %}", "\n\n{{ a b }}"]
)
def test_bad_python_is_a_parse_error_and_a_syntax_error_with_the_templates_line(source: str) -> None:
    with pytest.raises(TemplateSyntaxError) as caught:
        Template(source, name="page.html")
    assert isinstance(caught.value, ParseError)
    assert isinstance(caught.value, SyntaxError)
    assert (caught.value.filename, caught.value.lineno) == ("page.html", 3)
    assert caught.value.text == source.strip()


def test_bad_python_in_the_second_line_of_an_expression_has_that_line() -> None:
    with pytest.raises(TemplateSyntaxError) as caught:
        Template("a\n{{ f(1,\n  2 3) }}", name="page.html")
    assert caught.value.lineno in (2, 3)  # 3.11 blames the opening line of the call, later versions the second


def test_a_word_ends_at_any_white_space_and_the_tag_may_have_lines() -> None:
    assert Template("{%\nif True\n%}a{%end%}{%raw\t1%}").generate() == b"a1"


def test_the_text_after_end_and_comment_is_ignored() -> None:
    assert Template("{% if 1 %}a{% end if %}{% comment } x %}b").generate() == b"ab"
