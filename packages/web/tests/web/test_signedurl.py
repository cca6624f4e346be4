"""Signed URLs."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.web._signedurl import sign_url, verify_url

SECRET = "s" * 32
URL = "https://a.example/file?id=1&name=x"


def at(seconds: float) -> Callable[[], float]:
    return lambda: seconds


def signed(url: str = URL, **options: object) -> str:
    return sign_url(SECRET, url, max_age=60, clock=at(1000), **options)  # type: ignore[arg-type]


def valid(url: str, seconds: float = 1000, **options: object) -> bool:
    return verify_url(SECRET, url, clock=at(seconds), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url", [URL, "https://a.example", "http://a.example/", "https://a.example/x?", "https://a.example?x"]
)
def test_a_url_that_was_signed_is_valid(url: str) -> None:
    assert valid(signed(url))


@pytest.mark.parametrize(("seconds", "expected"), [(1000, True), (1059.9, True), (1060, False), (99999, False)])
def test_SC13_it_expires(seconds: float, expected: bool) -> None:
    assert valid(signed(), seconds) is expected


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url + "&admin=1",
        lambda url: url.replace("?id=1", "?id=1&admin=1"),
        lambda url: url.replace("?id=1", "?id=1&id=1"),
        lambda url: url.replace("id=1", "id=2"),
        lambda url: url.replace("id=1&name=x", "name=x&id=1"),
        lambda url: url.replace("a.example", "b.example"),
        lambda url: url.replace("a.example", "a.example:444"),
        lambda url: url.replace("https:", "http:"),
        lambda url: url.replace("/file", "/other"),
        lambda url: url.replace("/file", "/fil%65"),
        lambda url: url.replace("expires=1060", "expires=9999"),
        lambda url: url.replace("expires=1060", "expires=1060&expires=9999"),
        lambda url: url.replace("&expires=1060", ""),
        lambda url: url + "#x",
        lambda url: url + "=",
        lambda url: url[:-1],
        lambda url: URL,
        lambda url: "",
        lambda url: url.replace("name=x", "name=\ud800"),
    ],
)
def test_SC13_any_change_is_refused(change: Callable[[str], str]) -> None:
    url = signed()
    assert change(url) != url
    assert not valid(change(url))


def test_a_purpose_is_part_of_the_signature() -> None:
    assert valid(signed(purpose="invite"), purpose="invite")
    assert not valid(signed(purpose="invite"), purpose="reset")
    assert not valid(signed(purpose="invite"))


def test_secrets_can_be_changed_with_old_links_staying_valid() -> None:
    old, new = {1: "a" * 32}, {1: "a" * 32, 2: "b" * 32}
    link = sign_url(old, URL, max_age=60)
    assert verify_url(new, link)
    assert "signature=2." in sign_url(new, URL, max_age=60)
    assert not verify_url({2: "b" * 32}, link)
    with pytest.raises(ValueError, match="no secret of key_version 9"):
        sign_url(new, URL, max_age=60, key_version=9)


@pytest.mark.parametrize("url", ["/path", "//host/x", "ftp://a/x", "https://", "https://a/#x", "javascript:x", ""])
def test_only_absolute_urls_without_a_fragment_can_be_signed(url: str) -> None:
    with pytest.raises(ValueError, match="only an absolute"):
        signed(url)


@pytest.mark.parametrize("url", ["https://a/?expires=1", "https://a/?x=1&signature=2"])
def test_a_url_with_the_names_of_ours_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="already has a parameter"):
        signed(url)


@given(st.text(max_size=80))
def test_no_text_raises_or_is_valid(text: str) -> None:
    assert not valid(text)
    assert not valid(f"https://a/?expires=1&signature=0.{text}")
