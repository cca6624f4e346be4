"""What templates give."""

import pytest

from waterspout.template import DictLoader, Template


def render(source: str | bytes, **variables: object) -> bytes:
    return Template(source, name="t.txt").generate(**variables)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hello {{ name }}!", b"Hello Ben!"),
        ("{{ 2 + 2 }}", b"4"),
        ("{{ None }} {{ True }} {{ 1.5 }} {{ [] }}", b"None True 1.5 []"),
        ("{{ 1, 2 }}", b"(1, 2)"),
        ("{{ name # of the user }}", b"Ben"),
        ("{{ (name\n) }}", b"Ben"),
        ("{{ 'é' }}é", "éé".encode()),
        ("{{ b'caf\\xc3\\xa9' }}", "café".encode()),
        ("{{ {'a': 1}['a'] }}", b"1"),
        ("{{ '''a\nb''' }}", b"a\nb"),
        ("{% raw '<b>' %}{{ '<b>' }}", b"<b>&lt;b&gt;"),
        ("{% raw b'\\xff' %}", b"\xff"),
        ("{% raw None %}{% raw 5 %}", b"None5"),
        ("{{! x }}{%! y %}{#! z #}", b"{{ x }}{% y %}{# z #}"),
        ("a{# b #}c{% comment d %}e", b"ace"),
        ("{% set x = 1; y = 2 %}{{ x }}{{ y }}", b"12"),
        ("{% set x = (1 +\n 2) %}{{ x }}", b"3"),
        ("{% import os.path %}{{ os.path.basename('a/b') }}", b"b"),
        ("{% from os.path import basename as b %}{{ b('a/b') }}", b"b"),
        ("{% if name == 'x' %}1{% elif name %}2{% else %}3{% end %}", b"2"),
        ("{% for i in range(3) %}{{ i }}{% if i == 1 %}{% break %}{% end %},{% else %}no{% end %}", b"0,1"),
        ("{% for i in range(3) %}{% if i == 1 %}{% continue %}{% end %}{{ i }}{% else %}!{% end %}", b"02!"),
        ("{% for a, b in [(1, 2)] %}{{ a }}{{ b }}{% end %}", b"12"),
        ("{% set n = 2 %}{% while n %}{{ n }}{% set n -= 1 %}{% end %}", b"21"),
        ("{% if name %}{% end %}", b""),
        ("{% try %}a{{ 1 / 0 }}b{% except ZeroDivisionError %}c{% else %}d{% finally %}e{% end %}", b"ace"),
        ("{% try %}a{{ 1 }}b{% except ZeroDivisionError %}c{% else %}d{% finally %}e{% end %}", b"a1bde"),
        ("{% apply upper %}a{{ '<' }}{% apply upper %}b{% end %}c{% end %}d", b"A&LT;BCd"),
        ("{% apply lambda text: text[::-1] %}ab{% end %}", b"ba"),
        ("{% set x = [1] %}{{ x }}{% set x.append(2) %}{{ x }}", b"[1][1, 2]"),
    ],
)
def test_the_language(source: str, expected: bytes) -> None:
    assert render(source, name="Ben", upper=lambda text: text.upper()) == expected


def test_the_source_may_be_bytes() -> None:
    assert render("é{{ 1 }}".encode()) == "é1".encode()


def test_the_default_namespace_has_the_escaping_functions_and_datetime() -> None:
    source = (
        "{{ escape('<') }} {{ xhtml_escape('<') }} {{ url_escape('a b') }} {{ squeeze(' a  b ') }} "
        "{{ json_encode([1]) }} {% raw linkify('http://a.example') %} {{ datetime.date(2020, 1, 2) }}"
    )
    expected = b'&amp;lt; &amp;lt; a+b a b [1] <a href="http://a.example">http://a.example</a> 2020-01-02'
    assert render(source) == expected


def test_variables_go_before_the_loaders_namespace_and_that_before_the_defaults() -> None:
    loader = DictLoader({"t": "{{ x }}{{ y }}{{ squeeze }}"}, namespace={"x": 1, "y": 2, "squeeze": "s"})
    assert loader.load("t").generate(x=3) == b"32s"


def test_a_variable_may_have_the_name_of_a_default() -> None:
    assert render("{{ json }}{{ url }}{{ escape }}", json="j", url="u", escape="<") == b"ju&lt;"


def test_TE1_all_five_characters_are_escaped() -> None:
    assert render("{{ x }}", x="<b>\"'&") == b"&lt;b&gt;&quot;&#x27;&amp;"


def test_TE1_values_are_escaped_whatever_their_type() -> None:
    class Text(str):
        pass

    class Number(int):
        def __str__(self) -> str:
            return "<n>"

    for value in ("<", b"<", Text("<"), Number(3), ["<"], {"<": 1}, ValueError("<")):
        assert b"<" not in render("{{ x }}|{% try %}{{ x }}{% except %}{% end %}", x=value)


def test_a_value_with_nul_or_the_internal_mark_is_escaped_like_any_other() -> None:
    for value in ("\0<", "<\0>\0", "\x01<", "\x01"):
        expected = value.replace("<", "&lt;").replace(">", "&gt;").encode()
        assert render("[{{ x }}|{{ y }}|{{ x }}]", x=value, y="<&") == b"[%s|&lt;&amp;|%s]" % (expected, expected)


def test_bytes_that_are_not_utf8_pass_raw_and_are_refused_escaped() -> None:
    assert render("a{% raw x %}{{ y }}", x=b"\xff\xfe", y="<") == b"a\xff\xfe&lt;"
    with pytest.raises(UnicodeDecodeError):
        render("{{ x }}", x=b"\xff")


def test_the_autoescape_function_is_looked_up_by_name_and_gets_bytes() -> None:
    seen = []

    def shout(text: bytes) -> str:
        seen.append(text)
        return text.decode().upper()

    assert render("{% autoescape shout %}{{ x }}{{ 5 }}{% raw x %}", x="é<", shout=shout) == "É<5é<".encode()
    assert seen == ["é<".encode(), b"5"]


def test_an_application_may_replace_the_standard_function() -> None:
    template = Template("{{ x }}{{ x }}")
    assert template.generate(x="<", xhtml_escape=lambda text: b"[%s]" % text) == b"[<][<]"
    assert template.generate(x="<") == b"&lt;&lt;"


@pytest.mark.parametrize("source", ["{% autoescape None %}{{ x }}", "{{ x }}{% autoescape None %}"])
def test_autoescape_holds_for_its_whole_file(source: str) -> None:
    assert render(source, x="<") == b"<"


def test_autoescape_by_argument_and_by_loader() -> None:
    assert Template("{{ '<' }}", autoescape=None).generate() == b"<"
    loader = DictLoader({"t": "{{ '<' }}"}, autoescape=None)
    assert loader.load("t").generate() == b"<"
    assert Template("{{ '<' }}", loader=loader, autoescape="escape").generate() == b"&lt;"


def test_TE8_no_escaping_is_never_inherited_from_or_given_to_another_file() -> None:
    loader = DictLoader(
        {
            "base": "{{ x }}{% block a %}{{ x }}{% end %}{% block b %}{{ x }}{% end %}",
            "open": "{% autoescape None %}{% extends 'base' %}{% block a %}{{ x }}{% end %}",
            "page": "{% extends 'open' %}{% block b %}{{ x }}{% end %}",
            "includes": "{% autoescape None %}{{ x }}{% include 'part' %}",
            "part": "{{ x }}",
        }
    )
    assert loader.load("open").generate(x="<") == b"&lt;<&lt;"
    assert loader.load("page").generate(x="<") == b"&lt;<&lt;"
    assert loader.load("includes").generate(x="<") == b"<&lt;"


def test_a_module_is_called_by_name_and_not_escaped() -> None:
    class Modules:
        def Entry(self, value: str) -> str:
            return f"<p>{value}"

    assert render("{% module Entry('x') %}", _tt_modules=Modules()) == b"<p>x"


def test_long_pages_and_many_values_keep_their_order() -> None:
    source = "".join(f"<{number}>{{{{ {number} }}}}{{% raw '&' %}}" for number in range(500))
    assert render(source) == "".join(f"<{number}>{number}&" for number in range(500)).encode()


def test_a_template_can_be_used_again_and_by_itself_within_itself() -> None:
    template = Template("{% if n %}[{% raw again(n - 1) %}]{% end %}{{ n }}")

    def again(n: int) -> bytes:
        return template.generate(n=n, again=again)

    assert again(2) == b"[[0]1]2"


def test_the_source_and_the_code_object_are_at_hand() -> None:
    template = Template("{{ x }}", name="page.html")
    assert "page.html:1" in template.code
    assert template.compiled.co_filename.startswith("page.html")


def test_names_of_the_future_module_are_not_inherited() -> None:
    # This file has no future import, and the template must not see one of the compiler's.
    assert render("{% set f = lambda x: x %}{{ f(1) }}") == b"1"


def test_TE9_a_template_is_code_and_says_so() -> None:
    assert Template("{{ ().__class__.__name__ }}").generate() == b"tuple"  # there is no sandbox to break out of
    assert "never take its source from a user" in " ".join((Template.__doc__ or "").lower().split())
