"""CookieJar: which cookies are kept, and which are sent where (RFC 6265bis)."""

from __future__ import annotations

import time

import pytest

from waterspout.httpclient import CookieJar
from waterspout.httpclient._cookies import MAX_PER_DOMAIN, parse_cookie_date
from waterspout.httpclient._suffixes import is_probably_public_suffix
from waterspout.httpclient._url import parse_url


def jar_after(url: str, *fields: str) -> CookieJar:
    jar = CookieJar()
    jar.keep(parse_url(url), fields)
    return jar


def sent(jar: CookieJar, url: str) -> str:
    return jar.field_for(parse_url(url)).removeprefix("Cookie: ").rstrip()


def test_cookie_goes_back_to_its_host_only():
    jar = jar_after("http://www.example.com/", "a=b")
    assert sent(jar, "http://www.example.com/any") == "a=b"
    assert sent(jar, "http://example.com/") == ""
    assert sent(jar, "http://x.www.example.com/") == ""
    assert jar.field_for(parse_url("http://www.example.com/")) == "Cookie: a=b\r\n"


def test_domain_attribute_widens_to_subdomains():
    for domain in ("example.com", ".example.com", "EXAMPLE.com"):
        jar = jar_after("http://www.example.com/", f"a=b; Domain={domain}")
        assert sent(jar, "http://example.com/") == "a=b"
        assert sent(jar, "http://other.example.com/") == "a=b"
        assert sent(jar, "http://notexample.com/") == ""


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("http://www.example.com/", "other.com"),
        ("http://example.com/", "www.example.com"),
        ("http://www.example.com/", "com"),
        ("http://www.example.co.uk/", "co.uk"),
        ("http://mine.github.io/", "github.io"),
        ("http://10.0.0.1/", "0.0.1"),
        ("http://evilexample.com/", "example.com"),
    ],
)
def test_cookie_for_a_foreign_or_public_domain_is_dropped(url, domain):
    assert len(jar_after(url, f"a=b; Domain={domain}")) == 0


def test_public_suffix_may_set_cookies_for_itself_alone():
    jar = jar_after("http://github.io/", "a=b; Domain=github.io")
    assert sent(jar, "http://github.io/") == "a=b"
    assert sent(jar, "http://x.github.io/") == ""


def test_public_suffix_list_can_be_given():
    jar = CookieJar(public_suffix=lambda domain: domain == "example.com")
    jar.keep(parse_url("http://a.example.com/"), ["a=b; Domain=example.com", "c=d; Domain=a.example.com"])
    assert sent(jar, "http://x.a.example.com/") == "c=d"


@pytest.mark.parametrize(
    ("set_at", "attribute", "matching", "other"),
    [
        ("/a/b", "", ["/a", "/a/", "/a/c"], ["/", "/ab", "/b"]),
        ("/a", "", ["/", "/x"], []),
        ("/", "; Path=/x", ["/x", "/x/y", "/x?q"], ["/", "/xy"]),
        ("/", "; Path=/x/", ["/x/", "/x/y"], ["/x"]),
        ("/", "; Path=relative", ["/"], []),
    ],
)
def test_path_decides_where_a_cookie_goes(set_at, attribute, matching, other):
    jar = jar_after("http://h.example" + set_at, "a=b" + attribute)
    for path in matching:
        assert sent(jar, "http://h.example" + path) == "a=b", path
    for path in other:
        assert sent(jar, "http://h.example" + path) == "", path


def test_longer_paths_and_older_cookies_come_first():
    jar = jar_after("http://h/", "old=1; Path=/", "deep=2; Path=/x", "new=3; Path=/")
    assert sent(jar, "http://h/x") == "deep=2; old=1; new=3"


def test_secure_cookies_need_tls_or_this_machine():
    jar = jar_after("https://h/", "a=b; Secure")
    assert sent(jar, "https://h/") == "a=b"
    assert sent(jar, "http://h/") == ""
    assert len(jar_after("http://h/", "a=b; Secure")) == 0
    local = jar_after("http://localhost/", "a=b; Secure")
    assert sent(local, "http://localhost/") == "a=b"


def test_insecure_response_does_not_replace_a_secure_cookie():
    jar = jar_after("https://h/", "a=secret; Secure")
    jar.keep(parse_url("http://h/"), ["a=forged"])
    assert [cookie.value for cookie in jar] == ["secret"]


def test_prefixes_are_enforced():
    for field in (
        "__Secure-a=b",
        "__Host-a=b; Secure; Domain=h",
        "__Host-a=b; Secure; Path=/x",
        "__host-a=b",
        "=__Host-a=b",
    ):
        assert len(jar_after("https://h/x", field)) == 0, field
    assert len(jar_after("https://h/x", "__Host-a=b; Secure; Path=/", "__Secure-a=b; Secure")) == 2


def test_expiry_by_max_age_and_expires():
    jar = jar_after("http://h/", "a=1; Max-Age=100", "b=2; Expires=Wed, 09 Jun 2100 10:18:14 GMT", "c=3")
    assert sent(jar, "http://h/") == "a=1; b=2; c=3"
    assert next(iter(jar)).expires == pytest.approx(time.time() + 100, abs=5)
    jar.keep(parse_url("http://h/"), ["a=; Max-Age=0", "b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "c=3; Max-Age=-5"])
    assert len(jar) == 0 and sent(jar, "http://h/") == ""
    # Max-Age counts before Expires; neither lasts longer than 400 days; what is malformed does not count.
    jar = jar_after(
        "http://h/", "a=1; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "b=2; Max-Age=99999999999999999"
    )
    assert len(jar) == 2
    assert max(cookie.expires for cookie in jar) < time.time() + 401 * 86400
    assert jar_after("http://h/", "a=1; Max-Age=soon; Expires=later").__len__() == 1


@pytest.mark.parametrize("field", ["", "=", ";", "a=b\x01", "a=b\r\nX: y", "a=" + "x" * 4096, "a\0=b"])
def test_malformed_and_oversized_cookies_are_dropped(field):
    assert len(jar_after("http://h/", field)) == 0


def test_cookie_without_equals_sign_has_a_value_and_no_name():
    assert sent(jar_after("http://h/", "token"), "http://h/") == "token"


def test_number_of_cookies_is_bounded():
    jar = CookieJar()
    jar.keep(parse_url("http://h/"), [f"a{n}=b" for n in range(MAX_PER_DOMAIN + 10)])
    assert len(jar) == MAX_PER_DOMAIN
    assert "a0=b;" not in sent(jar, "http://h/")
    for host in range(25):
        jar.keep(parse_url(f"http://h{host}/"), [f"a{n}=b" for n in range(MAX_PER_DOMAIN)])
    assert len(jar) == 3000


def test_cookies_can_be_set_and_cleared_by_hand():
    jar = CookieJar()
    jar.set("a", "b", "h.example", path="/x")
    assert sent(jar, "http://h.example/x") == "a=b"
    jar.clear("h.example")
    assert len(jar) == 0
    for name, value in (("a b", "c"), ("a", "b;c"), ("a", "b\r\n"), ("", "x")):
        with pytest.raises(ValueError, match="cookie"):
            jar.set(name, value, "h")
    jar.set("a", "b", "h")
    jar.clear()
    assert list(jar) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        ("Sun Nov  6 08:49:37 1994", 784111777),
        ("6 nov 1994 8:49:37", 784111777),
        ("nonsense", None),
        ("32 Nov 1994 08:49:37", None),
        ("6 Nov 1994 24:00:00", None),
        ("6 Nov 1500 00:00:00", None),
        ("6 Nov 1994", None),
    ],
)
def test_cookie_dates_are_read_leniently(text, expected):
    assert parse_cookie_date(text) == expected


def test_built_in_suffixes():
    for domain in ("com", "uk", "co.uk", "com.au", "github.io", "s3.amazonaws.com", "s3.eu-west-1.amazonaws.com"):
        assert is_probably_public_suffix(domain), domain
    for domain in ("example.com", "example.co.uk", "bbc.uk", "google.de"):
        assert not is_probably_public_suffix(domain), domain


def test_client_keeps_and_sends_cookies_also_over_redirects(run, peer, client):
    async def main():
        cookies = b"Set-Cookie: sid=1\r\nSet-Cookie: x=y; Path=/other\r\n"
        login = b"HTTP/1.1 302 F\r\nLocation: /home\r\n" + cookies + b"Content-Length: 0\r\n\r\n"
        ok = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=2\r\nContent-Length: 0\r\n\r\n"
        async with peer(login, ok) as server:
            http = client(cookies=CookieJar())
            await http.fetch(server.url + "/login", method="POST", body=b"")
            await http.fetch(server.url)
            await http.fetch(server.url, headers={"Cookie": "mine=1"})
            cookies = [r.split(b"Cookie: ")[1].split(b"\r\n")[0] if b"Cookie" in r else None for r in server.requests]
            assert cookies == [None, b"sid=1", b"sid=2", b"mine=1"]

    run(main)


def test_subdomain_does_not_replace_the_cookie_of_its_parent_alone():
    jar = jar_after("https://example.com/", "sid=good")
    jar.keep(parse_url("https://user.example.com/"), ["sid=evil; Domain=example.com"])
    assert sent(jar, "https://example.com/") == "sid=good; sid=evil"
    jar.keep(parse_url("https://user.example.com/"), ["sid=; Domain=example.com; Max-Age=0"])
    assert sent(jar, "https://example.com/") == "sid=good"
    jar.keep(parse_url("https://example.com/"), ["sid=new"])
    assert sent(jar, "https://example.com/") == "sid=new"


def test_insecure_response_does_not_shadow_a_secure_cookie_of_a_subdomain():
    jar = jar_after("https://www.example.com/", "sid=good; Secure")
    jar.keep(parse_url("http://example.com/"), ["sid=evil; Domain=example.com", "other=fine; Domain=example.com"])
    assert sent(jar, "https://www.example.com/") == "sid=good; other=fine"
    jar.keep(parse_url("http://notexample.com/"), ["sid=own"])
    assert sent(jar, "http://notexample.com/") == "sid=own"
