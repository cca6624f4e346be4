"""Values in places where escaping does not protect."""

import pytest

from waterspout.template import ParseError, lint


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("<a href={{ x }}>", "unquoted-attribute"),
        ("<a class=a{{ x }}>", "unquoted-attribute"),
        ("<a {{ x }}>", "in-tag"),
        ('<a href="/" {{ x }}>', "in-tag"),
        ("<script>var x = '{{ x }}'</script>", "script"),
        ("<SCRIPT type='module'>{% raw x %}</SCRIPT>", "script"),
        ("<script>{{ json_encode(x) }}</script>", "script"),
        ("<style>{{ x }}</style>", "style"),
        ('<p style="color: {{ x }}">', "style"),
        ('<a onclick="f({{ x }})">', "event-handler"),
        ('<a href="{{ x }}">', "url"),
        ("<img src='{{ x }}'>", "url"),
        ('<form action=" {{ x }}">', "url"),
        ('<a data-x="{{ json(x) }}">', "json-in-attribute"),
    ],
)
def test_TE2_TE3_TE5_an_unsafe_place_is_found(source: str, rule: str) -> None:
    assert [finding.rule for finding in lint("\n" + source)] == [rule]
    assert lint("\n" + source)[0].lineno == 2


@pytest.mark.parametrize(
    "source",
    [
        "{{ x }}",
        "<p title=\"{{ x }}\" class='a {{ x }}'>{{ x }}</p>",
        "<script>var x = {{ json(x) }}</script><p>{{ x }}</p>",
        "<script src='/a.js'></script>{{ x }}",
        '<a href="{{ url(x) }}">',
        '<a href="{{ static_url(x) }}"><a href="{{ handler.reverse_url(x) }}">',
        '<a href="/user/{{ x }}?a={{ y }}">',
        "<!-- <a href={{ x }} -->{{ x }}",
        "a < b {{ x }}",
        "<title>{{ x }}</title><textarea>{{ x }}</textarea>",
        "<br/>{{ x }}",
        '<a data-x="{{ json_encode(x) }}">',
        "{# <a href={{ x }}> #}",
        '<input value="{{ x }}" {% if checked %}checked{% end %}>',
    ],
)
def test_a_safe_place_is_not_found(source: str) -> None:
    assert lint(source) == []


def test_the_finding_says_what_to_write_instead() -> None:
    (finding,) = lint("<a href={{ link }}>")
    assert finding.message == 'value of href without quotes, write href="...": link'


def test_all_findings_come_in_order() -> None:
    assert [f.lineno for f in lint("<a href={{ x }}>\n<b>{{ x }}</b>\n<style>{{ x }}</style>")] == [1, 3]


def test_a_source_that_does_not_scan_is_a_parse_error_with_the_name() -> None:
    with pytest.raises(ParseError, match=r"a\.html:1"):
        lint("{{ x", "a.html")
