"""Text in HTML and XML."""

import html

from hypothesis import given
from hypothesis import strategies as st

from waterspout.escape import xhtml_escape, xhtml_unescape


def test_TE1_all_five_characters_are_escaped() -> None:
    assert xhtml_escape("<b>\"'&") == "&lt;b&gt;&quot;&#x27;&amp;"


def test_bytes_become_text() -> None:
    assert xhtml_escape(b"<\xc3\xa9>") == "&lt;é&gt;"
    assert xhtml_unescape(b"&lt;\xc3\xa9") == "<é"


def test_what_is_escaped_already_is_escaped_again() -> None:
    assert xhtml_escape("&lt;") == "&amp;lt;"


@given(st.text())
def test_it_escapes_as_the_standard_library_does_and_back(text: str) -> None:
    assert xhtml_escape(text) == html.escape(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r\0")))
def test_unescape_is_the_inverse(text: str) -> None:
    assert xhtml_unescape(xhtml_escape(text)) == text


def test_references_are_resolved_as_html_5_has_them() -> None:
    assert xhtml_unescape("&lt;&#x27;&#39;&nbsp;&amp") == "<''\xa0&"
    assert xhtml_unescape("&unknown; &#128; &#xD800; &#xg;") == "&unknown; € \ufffd &#xg;"
