"""What the client builds by itself: rows of the multipart and cookie groups that are the sender's."""

from __future__ import annotations

import re

import pytest

from waterspout.httpclient import CookieJar
from waterspout.httpclient._content import multipart_content
from waterspout.httpclient._url import parse_url
from waterspout.httputil import HTTPHeaders, parse_body_arguments

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def redirect(location: str, *fields: str) -> bytes:
    extra = "".join(f"{field}\r\n" for field in fields)
    return f"HTTP/1.1 302 F\r\nLocation: {location}\r\n{extra}Content-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize("name", ['a"\r\nX: y', "a\nb", "a\rb", 'a"; filename="x'])
def test_MP21_names_cannot_leave_their_quotes(name):
    for fields, files in (({name: "value"}, {}), ({}, {name: ("plain", b"value")}), ({}, {"plain": (name, b"value")})):
        content = multipart_content(fields, files)
        assert isinstance(content.body, bytes)
        head = content.body.partition(b"\r\n\r\n")[0]
        lines = head.split(b"\r\n")
        assert len(lines) == (2 if fields else 3) and b"\r" not in lines[1] and b"\n" not in lines[1]
        assert lines[1].count(b'"') == (2 if fields else 4), "the quotes are ours"
        arguments, received = {}, {}
        parse_body_arguments(content.headers["Content-Type"], content.body, arguments, received, HTTPHeaders())
        assert len(arguments) + len(received) == 1
    with pytest.raises(ValueError, match="content type"):
        multipart_content({}, {"a": ("b", b"", "text/plain\r\nX: y")})


def test_MP22_boundaries_of_10000_forms_differ_and_are_from_the_systems_generator(monkeypatch):
    found = {multipart_content({"a": "b"}, {}).headers["Content-Type"].partition("boundary=")[2] for _ in range(10_000)}
    assert len(found) == 10_000 and all(re.fullmatch("[0-9a-f]{32}", boundary) for boundary in found)
    # 128 bits of the system's, not of `random`, whose next one can be worked out from earlier ones (CVE-2025-22150).
    monkeypatch.setattr("os.urandom", lambda size: b"\x5a" * size)
    assert multipart_content({"a": "b"}, {}).headers["Content-Type"].endswith("boundary=" + "5a" * 16)


@pytest.mark.parametrize("url", ["http://www.example.com/", "http://www.example.co.uk/", "http://example.com/"])
@pytest.mark.parametrize("domain", ["com", ".com", "co.uk", ".co.uk", "uk", "COM", "com.", ""])
def test_CK15_no_cookie_is_set_for_a_suffix_that_strangers_share(url, domain):
    jar = CookieJar()
    jar.keep(parse_url(url), [f"a=1; Domain={domain}"])
    for elsewhere in ("http://other.com/", "http://other.co.uk/", "http://com/", "http://www.other.example/"):
        assert jar.field_for(parse_url(elsewhere)) == ""


def test_CK18_a_redirect_cannot_set_cookies_for_its_target(run, peer, client):
    async def main():
        async with peer(OK, OK) as other:
            first = redirect(other.url, "Set-Cookie: mine=1", "Set-Cookie: theirs=2; Domain=other.example")
            async with peer(first) as server:
                jar = CookieJar()
                await client(cookies=jar).fetch(server.url)
                assert [cookie.name for cookie in jar] == ["mine"]

    run(main)


@pytest.mark.parametrize(
    ("url", "field"),
    [
        ("http://10.0.0.1/", "a=1; Domain=0.0.1"),
        ("http://10.0.0.1/", "a=1; Domain=10.0.0.2"),
        ("http://[::1]/", "a=1; Domain=::2"),
        ("http://a.example/", "a=1; Domain=b.example"),
        ("http://a.example/", "a=1; Secure"),
        ("http://a.example/", "__Host-a=1; Secure; Path=/"),
    ],
)
def test_CK18_a_cookie_for_another_host_for_part_of_an_address_or_secure_in_the_clear_is_dropped(url, field):
    jar = CookieJar()
    jar.keep(parse_url(url), [field])
    assert len(jar) == 0


def test_CK19_a_cookie_given_for_one_request_stays_with_its_origin(run, peer, client):
    async def main():
        async with peer(OK, OK) as other, peer(redirect(other.url), redirect("/same"), OK) as server:
            await client().fetch(server.url, headers={"Cookie": "given=1"})
            assert b"Cookie: given=1" in server.requests[0] and b"given" not in other.requests[0]
            await client().fetch(server.url, headers={"Cookie": "given=1"})
            assert b"Cookie: given=1" in server.requests[2], "the same origin"

    run(main)
