"""Addresses in plain text made links."""

import html
import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from waterspout.escape import linkify, xhtml_escape

# text, the address that is linked (None: none is), as it is written
ADDRESSES = [
    ("hello http://world.com/!", "http://world.com/"),
    ("http://world.com", "http://world.com"),
    ("https://a.com/b?c=d&e=f#g", "https://a.com/b?c=d&e=f#g"),
    ("Just a www.example.com link.", "www.example.com"),
    ("(see http://a.com/b)", "http://a.com/b"),
    ("http://a.com/b_(c)_d", "http://a.com/b_(c)_d"),
    ("http://a.com/(b)(c)", "http://a.com/(b)(c)"),
    ("http://a.com/((b))", "http://a.com/"),
    ("http://a.com/(b", "http://a.com/"),
    ("http://a.com/b).", "http://a.com/b"),
    ("http://a.com/b...", "http://a.com/b"),
    ("http://a.com/b...c", "http://a.com/b...c"),
    ("http://a.com/b,", "http://a.com/b"),
    ("http://a.com/-", "http://a.com/-"),
    ("<http://a.com/b>", "http://a.com/b"),
    ("http://a.com/b'c", "http://a.com/b"),
    ("http://user:secret@a.com:80/", "http://user:secret@a.com:80/"),
    ("http://\u27a1.ws/\u4a39", "http://\u27a1.ws/\u4a39"),
    ("-http://a.com", "http://a.com"),
    ("foo:http://a.com", "http://a.com"),
    ("x@www.a.com", "www.a.com"),
    ("http:/a", "http:/a"),
    ("ahttp://a.com", None),
    ("xwww.a.com", None),
    ("www.", None),
    ("http:/ a", None),
    ("http:a", None),
    ("ftp://a.com", None),
    ("javascript:alert(1)", None),
    ("javascript://%0aalert(1)", None),
    ("HTTP://a.com", None),
]


def links(markup: str) -> list[str]:
    return [html.unescape(href) for href in re.findall(r'<a href="([^"]*)"', markup)]


@pytest.mark.parametrize(("text", "address"), ADDRESSES)
def test_what_is_an_address_and_where_it_ends(text: str, address: str | None) -> None:
    if address is None:
        assert linkify(text) == xhtml_escape(text)
        return
    before, after = text.split(address, 1)
    shown = xhtml_escape(address)
    href = shown if ":" in address else "http://" + shown
    assert linkify(text) == f'{xhtml_escape(before)}<a href="{href}">{shown}</a>{xhtml_escape(after)}'


def test_several_addresses_are_linked() -> None:
    assert links(linkify("http://a.com and www.b.com, (http://c.com)")) == [
        "http://a.com",
        "http://www.b.com",
        "http://c.com",
    ]


def test_bytes_are_text_in_utf8() -> None:
    assert linkify(b"\xe2\x82\xac www.a.com") == '€ <a href="http://www.a.com">www.a.com</a>'


def test_protocols_are_linked_if_they_are_permitted() -> None:
    text = "ftp://a.com http://b.com rdar:/1"
    assert links(linkify(text, permitted_protocols=["ftp", "rdar"])) == ["ftp://a.com", "rdar:/1"]
    assert links(linkify("rdar://www.x.com")) == [], "what follows a scheme that is not permitted is no link either"


def test_www_is_left_alone_on_request() -> None:
    assert links(linkify("www.a.com http://www.b.com", require_protocol=True)) == ["http://www.b.com"]


def test_extra_attributes_are_text_or_made_from_the_escaped_address() -> None:
    assert linkify("www.a.com", extra_params=' rel="nofollow" ') == (
        '<a href="http://www.a.com" rel="nofollow">www.a.com</a>'
    )
    seen = []

    def make(href: str) -> str:
        seen.append(href)
        return 'class="x"'

    assert linkify('http://a.com/"x&y', extra_params=make).count('class="x"') == 1
    assert seen == ["http://a.com/&quot;x&amp;y"]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://a.com/" + "b" * 17, None),
        ("http://a.com/" + "b" * 18, "http://a.com/bbbbbbbb..."),
        ("http://reallylong.com/path/to/something", "http://reallylong.com/path..."),
        ("http://www.example.com/a?b=cccccccccccccccc", "http://www.example.com/a..."),
        ("http://" + "a" * 60 + ".com", "http://" + "a" * 23 + "..."),
        ("http://a.very.long.host.name.example.com/x", None),
        ("www." + "x" * 50 + ".com", "www." + "x" * 26 + "..."),
    ],
)
def test_long_addresses_are_shortened_with_the_whole_as_title(address: str, shown: str | None) -> None:
    href = address if ":" in address else "http://" + address
    title = f' title="{href}"' if shown else ""
    assert linkify(address, shorten=True) == f'<a href="{href}"{title}>{shown or address}</a>'


def test_TE7_markup_cannot_break_out_of_the_attribute() -> None:
    assert linkify('http://x.com/"onmouseover="alert(1)') == (
        '<a href="http://x.com/&quot;onmouseover=&quot;alert(1)">http://x.com/&quot;onmouseover=&quot;alert(1)</a>'
    )
    assert "<script>" not in linkify("http://x.com/<script>alert(1)</script>")


@given(st.text(alphabet="htp:/w.a-_()<>'\"& \n!é", max_size=60), st.booleans())
@example("http://a(http://b(www.c", True)
@example("www.a:/b www.-a:/", False)
def test_TE7_nothing_but_links_is_ever_added(text: str, shorten: bool) -> None:
    markup = linkify(text, shorten=shorten, permitted_protocols=["http", "h", "a"])
    rest = re.sub(r'<a href="[^"<>]*"(?: title="[^"<>]*")?>|</a>', "", markup)
    assert not set("<>\"'") & set(rest)
    if not shorten:
        assert html.unescape(rest) == text


@pytest.mark.parametrize(
    "unit",
    [
        "(",
        "http://x((",
        "http://x(",
        "www.",
        "www.a(",
        "a-",
        ":/",
        "a:/",
        "http://a ",
        "http://!",
        "&",
        "http://&",
        "'w:/",
    ],
)
def test_TE7_time_is_proportional_to_length(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        best = 9.0
        for _ in range(3):
            start = time.process_time()
            linkify(text)
            best = min(best, time.process_time() - start)
        return best

    short, long = seconds(12_000), seconds(96_000)
    # Eight times the text; quadratic time would be 64 times as long.
    assert long < 30 * short + 0.01
