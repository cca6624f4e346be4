"""Cross-origin requests, told by what browsers say of them."""

import pytest

from waterspout.httputil import HTTPHeaders
from waterspout.web._fetchmetadata import FetchVerdict, check_fetch_metadata, origin_of

ALLOWED, CROSS, REFUSED = FetchVerdict.ALLOWED, FetchVerdict.CROSS_ORIGIN, FetchVerdict.REFUSED
OWN = "https://app.example"


def verdict(
    method: str = "POST", trusted: tuple[str, ...] = (), same_site: bool = False, **headers: str
) -> FetchVerdict:
    fields = HTTPHeaders({name.replace("_", "-"): value for name, value in headers.items()})
    return check_fetch_metadata(method, fields, OWN, trusted_origins=trusted, allow_same_site=same_site)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_methods_are_always_allowed(method: str) -> None:
    assert verdict(method, Sec_Fetch_Site="cross-site", Origin="https://evil.example") is ALLOWED


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        ("same-origin", ALLOWED),
        ("none", ALLOWED),
        ("same-site", CROSS),
        ("cross-site", CROSS),
        ("", CROSS),
        ("Same-Origin", CROSS),
        ("whatever", CROSS),
    ],
)
def test_XS4_what_the_browser_says_of_the_site_decides(site: str, expected: FetchVerdict) -> None:
    assert verdict(Sec_Fetch_Site=site, Origin="https://evil.example") is expected


def test_XS4_the_site_goes_before_an_origin_that_looks_like_ours() -> None:
    assert verdict(Sec_Fetch_Site="cross-site", Origin=OWN) is CROSS
    assert verdict(Sec_Fetch_Site="cross-site") is REFUSED


def test_XS4_same_site_is_allowed_where_that_is_set() -> None:
    assert verdict(Sec_Fetch_Site="same-site", same_site=True) is ALLOWED
    assert verdict(Sec_Fetch_Site="cross-site", Origin="https://evil.example", same_site=True) is CROSS


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "QUERY", "post", "get"])
def test_XS4_every_other_method_is_checked(method: str) -> None:
    assert verdict(method, Sec_Fetch_Site="cross-site", Origin="https://evil.example") is CROSS


def test_XS4_a_trusted_origin_is_allowed() -> None:
    trusted = ("https://Partner.example", "https://other.example:8443")
    assert verdict(Sec_Fetch_Site="cross-site", Origin="https://partner.example", trusted=trusted) is ALLOWED
    assert verdict(Origin="https://partner.example:443", trusted=trusted) is ALLOWED
    assert verdict(Origin="https://other.example", trusted=trusted) is CROSS
    assert verdict(Origin="http://partner.example", trusted=trusted) is CROSS
    assert verdict(Origin="https://partner.example.evil", trusted=trusted) is CROSS


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (OWN, ALLOWED),
        ("https://APP.example:443", ALLOWED),
        ("null", REFUSED),
        ("", REFUSED),
        ("https://evil.example", CROSS),
        ("http://app.example", CROSS),
        ("https://app.example:444", CROSS),
        ("https://app.example.evil.example", CROSS),
        ("https://app.example@evil.example", REFUSED),
        ("app.example", REFUSED),
    ],
)
def test_XS5_without_the_site_the_origin_decides(origin: str, expected: FetchVerdict) -> None:
    assert verdict(Origin=origin) is expected


def test_XS5_without_both_the_referer_decides() -> None:
    assert verdict(Referer=OWN + "/page?x") is ALLOWED
    assert verdict(Referer="https://evil.example/" + OWN) is CROSS
    assert verdict(Referer="about:blank") is REFUSED


def test_XS5_with_none_of_them_only_a_request_without_cookies_is_allowed() -> None:
    assert verdict() is ALLOWED
    assert verdict(Cookie="a=b") is REFUSED


def test_XS9_the_content_type_changes_nothing() -> None:
    for kind in ("text/plain", "application/json", "multipart/form-data", "application/x-www-form-urlencoded"):
        assert verdict(Content_Type=kind, Cookie="a=b") is REFUSED
        assert verdict(Content_Type=kind, Origin="https://evil.example") is CROSS


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://A.example/x", "https://a.example"),
        ("https://a.example:443", "https://a.example"),
        ("http://a.example:80/", "http://a.example"),
        ("http://a.example:443", "http://a.example:443"),
        ("http://[::1]:8080/x", "http://[::1]:8080"),
        ("http://[::1]/x", "http://[::1]"),
        ("https://a.example:", "https://a.example"),
        ("https://user@a.example/", None),
        ("https:a.example", None),
        ("//a.example", None),
        ("/x", None),
        ("null", None),
        ("https://", None),
        ("https://a b/", None),
    ],
)
def test_the_origin_of_a_url(url: str, expected: str | None) -> None:
    assert origin_of(url) == expected
