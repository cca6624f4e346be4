"""Where redirects may lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.web._redirect import (
    fill_redirect,
    is_local_path,
    redirect_location,
    safe_back,
    safe_next,
    with_slash,
    without_slash,
)

OWN = "https://app.example"
ELSEWHERE = ["//evil.com", "/\\evil.com", "\t//evil.com", "https:evil.com", "///evil.com"]
MORE = [
    "\\\\evil.com",
    "/\t/evil.com",
    " //evil.com",
    "\x01//evil.com",
    "/\n/evil.com",
    "https:/evil.com",
    "https://evil.com",
]
HOSTILE = (
    ELSEWHERE
    + MORE
    + ["javascript:alert(1)", "https://app.example@evil.com/", "https://app.example.evil.com/", "\\/evil.com"]
)


@pytest.mark.parametrize("url", ["//evil.com", "/\\evil.com", "https:evil.com", "///evil.com"])
def test_RD1_a_plain_redirect_may_lead_anywhere(url: str) -> None:
    assert redirect_location(url) == url


@pytest.mark.parametrize("url", HOSTILE)
def test_RD1_a_redirect_to_the_same_origin_refuses_every_spelling_of_another(url: str) -> None:
    for own in (OWN, None):
        with pytest.raises(ValueError, match="refused|control character"):
            redirect_location(url, same_origin=True, own_origin=own)


@pytest.mark.parametrize(
    "url", ["/a", "/a//b", "a/b", "?x=//y", "#z", "", OWN + "/x", "HTTPS://app.example:443/", "/a:b", "a?b:c"]
)
def test_RD1_the_same_origin_is_let_through(url: str) -> None:
    assert redirect_location(url, same_origin=True, own_origin=OWN) == url


@pytest.mark.parametrize("url", ["/a\r\nX: 1", "/a\n", "/a\0", "/\x7f", "\t/a"])
def test_RD4_control_characters_are_refused(url: str) -> None:
    for compat in ("tornado", "waterspout"):
        with pytest.raises(ValueError, match="control character"):
            redirect_location(url, compat=compat)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "JAVASCRIPT:alert(1)", " javascript:x", "data:text/html,x", "vbscript:x"]
)
def test_RD5_schemes_that_run_are_refused_unless_named(url: str) -> None:
    with pytest.raises(ValueError, match="URL refused; name it in allow_schemes"):
        redirect_location(url)
    assert redirect_location(url, compat="tornado")
    assert redirect_location(url, allow_schemes=("javascript", "data", "vbscript"))


def test_RD5_other_schemes_pass() -> None:
    for url in ("mailto:a@b", "myapp://callback?code=1", "ftp://x/"):
        assert redirect_location(url) == url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/é", "/%C3%A9"),
        ("/é".encode(), "/%C3%A9"),
        ("/a b", "/a%20b"),
        ("/日本?x=é#ü", "/%E6%97%A5%E6%9C%AC?x=%C3%A9#%C3%BC"),
        ("/%C3%A9?a=%20&b[]=1", "/%C3%A9?a=%20&b[]=1"),
        ("/%é", "/%%C3%A9"),
    ],
)
def test_RD6_non_ascii_characters_come_percent_encoded(url: str | bytes, expected: str) -> None:
    assert redirect_location(url) == expected


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60))
def test_RD6_a_location_is_always_printable_ascii(url: str) -> None:
    try:
        location = redirect_location(url)
    except ValueError:
        return
    assert location.isascii()
    assert " " not in location


@pytest.mark.parametrize(
    ("pattern", "args", "expected"),
    [
        ("/{0}", ("a/b",), "/a/b"),
        ("/x/{0}", ("/y",), "/x//y"),
        ("https://b.example/{0}", ("a",), "https://b.example/a"),
        ("{0}", ("a",), "a"),
    ],
)
def test_captures_are_filled_in(pattern: str, args: tuple[str, ...], expected: str) -> None:
    assert fill_redirect(pattern, args, {}) == expected


def test_named_captures_are_filled_in() -> None:
    assert fill_redirect("/new/{path}", (), {"path": "x"}) == "/new/x"


@pytest.mark.parametrize(
    "capture", ["/evil.com", "//evil.com", "\\evil.com", "\t/evil.com", "\t\\evil.com", "\n/evil.com", "\\/evil.com"]
)
def test_RD2_a_capture_cannot_turn_a_path_into_a_host(capture: str) -> None:
    with pytest.raises(ValueError, match="refused"):
        fill_redirect("/{0}", (capture,), {})


@pytest.mark.parametrize(
    ("pattern", "capture"),
    [
        ("https://b.example{0}", ".evil.com"),
        ("https://b.example{0}", "@evil.com"),
        ("https://b.example{0}", ":80@evil.com"),
    ],
)
def test_RD2_a_capture_cannot_change_a_host(pattern: str, capture: str) -> None:
    with pytest.raises(ValueError, match="refused"):
        fill_redirect(pattern, (capture,), {})


@pytest.mark.parametrize(
    ("pattern", "capture", "expected"),
    [
        ("https://b.example{0}", "/a", "https://b.example/a"),
        ("https://b.example{0}", "", "https://b.example"),
        ("https://{0}.example/x", "a.b", "https://a.b.example/x"),
        ("https://{0}.example/x", "evil.com/", None),
        ("https://{0}.example/x", "evil.com#", None),
        ("https://{0}.example/x", "a@b", None),
        ("https://{0}", "b.example", None),
        ("https://b.example/{0}", "\\x", None),
    ],
)
def test_RD2_a_capture_in_the_host_can_be_a_label_only(pattern: str, capture: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="refused"):
            fill_redirect(pattern, (capture,), {})
    else:
        assert fill_redirect(pattern, (capture,), {}) == expected


def test_RD2_a_control_character_in_a_capture_is_refused() -> None:
    with pytest.raises(ValueError, match="refused|control"):
        fill_redirect("/x/{0}", ("a\r\nX: 1",), {})
    with pytest.raises(ValueError, match="control"):
        fill_redirect("{0}", ("a\r\nX: 1",), {})


def test_RD3_slashes_are_added_and_removed() -> None:
    assert with_slash("/a", "x=1") == "/a/?x=1"
    assert with_slash("/a/", "") is None
    assert without_slash("/a//", "") == "/a"
    assert without_slash("/a/", "b") == "/a?b"
    assert without_slash("/a", "") is None


@pytest.mark.parametrize(
    "path", ["//evil.com", "/\\evil.com", "/%5cevil.com", "/%5Cevil.com", "/%2fevil.com", "/%09/evil.com", "///"]
)
def test_RD3_neither_can_name_a_host(path: str) -> None:
    with pytest.raises(ValueError, match="no path on this host"):
        with_slash(path.rstrip("/") or "//x", "")
    with pytest.raises(ValueError, match="no path on this host"):
        without_slash(path.rstrip("/") + "/", "")


@pytest.mark.parametrize("url", HOSTILE)
def test_RD7_what_leads_elsewhere_after_login_becomes_the_default(url: str) -> None:
    assert safe_next(url) == "/"
    assert safe_next(url, OWN) == "/"
    assert safe_next(url, OWN, "/home") == "/home"


@pytest.mark.parametrize(
    "url",
    [
        "%2f%2fevil.com",
        "/%2fevil.com",
        "/%5cevil.com",
        "/%252fevil.com",
        "/%09/evil.com",
        "https://evil@self/",
        "https%3a//evil",
        "",
        None,
        "a",
        b"\xff",
    ],
)
def test_RD7_encoded_forms_and_what_is_no_path_become_the_default(url: str | bytes | None) -> None:
    assert safe_next(url, OWN) == "/"


@pytest.mark.parametrize("url", ["/", "/a?next=//x", "/a/%2f", "/é", "/a//b", "/a%20b#c"])
def test_RD7_local_paths_are_returned_as_they_are(url: str) -> None:
    assert safe_next(url) == url


def test_RD7_absolute_urls_of_ours_are_returned_if_the_origin_is_given() -> None:
    assert safe_next(OWN + "/x", OWN) == OWN + "/x"
    assert safe_next(OWN + "/x") == "/"


@given(st.text(alphabet="/\\\t\n %2fF5cC09ahtps:@.e?#", max_size=12))
def test_RD7_nothing_that_is_returned_names_another_host_for_a_browser(url: str) -> None:
    answer = safe_next(url)
    seen = answer.replace("\t", "").replace("\n", "").replace("\\", "/").lstrip()
    assert seen.startswith("/")
    assert not seen.startswith("//")


def test_RD8_the_way_back_stays_on_this_origin() -> None:
    assert safe_back(OWN + "/list?p=2", OWN) == OWN + "/list?p=2"
    for referer in (
        "https://evil.com/",
        "https://app.example.evil.com/",
        "https://app.example@evil.com/",
        "null",
        "",
        None,
    ):
        assert safe_back(referer, OWN, "/home") == "/home"


def test_SF13_a_local_path_has_exactly_one_slash_at_its_start() -> None:
    assert is_local_path("/a")
    for url in ("", "a", "//a", "/\\a", " /a", "\t/a", "/\t/a"):
        assert not is_local_path(url)
