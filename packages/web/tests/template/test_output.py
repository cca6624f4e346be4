"""The helpers for places where HTML escaping is not enough."""

import json as stdlib_json

import pytest

from waterspout.template import Template, json, url


@pytest.mark.parametrize(
    "value", ["</script><!--", "<script>", "a&b", "\u2028\u2029", "it's", {"<k>": ["</script>"]}, None, 1.5]
)
def test_TE3_json_is_safe_in_a_script_and_reads_back(value: object) -> None:
    text = json(value)
    assert not set(text) & set("<>&'\u2028\u2029")
    assert stdlib_json.loads(text) == value


def test_TE3_json_in_a_template_is_not_escaped_again() -> None:
    template = Template("<script>var x = {{ json(x) }}; var y = '{{ y }}'</script>")
    assert template.generate(x="</script>'", y="<") == (
        b"<script>var x = \"\\u003c/script\\u003e\\u0027\"; var y = '&lt;'</script>"
    )


def test_TE3_text_that_is_made_from_json_is_escaped_like_any_text() -> None:
    assert Template("{{ json(x) + '<' }}{{ '%s' % json(x) }}").generate(x=1) == b"1&lt;1"


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "\x01javascript:alert(1)",
        "java\nscript:alert(1)",
        "java\tscript\r:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:x",
        "unknown:x",
        b"javascript:alert(1)",
        ":x",
    ],
)
def test_TE5_url_refuses_schemes_that_run_or_are_unknown(value: str | bytes) -> None:
    assert url(value) == "about:invalid"


@pytest.mark.parametrize(
    "value",
    [
        "/a",
        "a/b:c",
        "?x=javascript:1",
        "#a:b",
        "http://x/",
        "HTTPS://x/",
        "mailto:a@b",
        "tel:1",
        "//host/x",
        "",
        "a b",
        "é",
    ],
)
def test_TE5_url_lets_links_pass_as_they_are(value: str) -> None:
    assert url(value) == value


def test_TE5_url_in_a_template_is_escaped() -> None:
    assert Template('<a href="{{ url(x) }}">').generate(x='/a"b') == b'<a href="/a&quot;b">'
