"""URLs: one strict parse (CS1, CS6, CS7, CS13)."""

from __future__ import annotations

import pytest

from waterspout.httpclient import InvalidURLError
from waterspout.httpclient._url import join_url, match_plain_url, parse_url


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "target"),
    [
        ("http://example.com", "http", "example.com", 80, "/"),
        ("http://example.com/", "http", "example.com", 80, "/"),
        ("HTTPS://Example.COM:8443/A?b=c#frag", "https", "example.com", 8443, "/A?b=c"),
        ("https://h?q", "https", "h", 443, "/?q"),
        ("http://h:/x", "http", "h", 80, "/x"),
        ("http://[::1]:8080/x", "http", "::1", 8080, "/x"),
        ("http://[2001:DB8:0:0::1]/", "http", "2001:db8::1", 80, "/"),
        ("http://127.0.0.1:1/", "http", "127.0.0.1", 1, "/"),
        ("http://bücher.example/grüße?ä=ö", "http", "xn--bcher-kva.example", 80, "/gr%C3%BC%C3%9Fe?%C3%A4=%C3%B6"),
        ("http://h/%7Euser/a%20b", "http", "h", 80, "/%7Euser/a%20b"),
        ('http://h/a"b<c>{d}`e', "http", "h", 80, "/a%22b%3Cc%3E%7Bd%7D%60e"),
        ("http://under_score.example/", "http", "under_score.example", 80, "/"),
    ],
)
def test_url_is_taken_apart(text, scheme, host, port, target):
    url = parse_url(text)
    assert (url.scheme, url.host, url.port, url.target) == (scheme, host, port, target)


def test_authority_leaves_out_the_schemes_port_and_brackets_ipv6():
    assert parse_url("http://[::1]:80/").authority == "[::1]"
    assert parse_url("https://h:80/").authority == "h:80"
    assert str(parse_url("https://user:secret@h/x")) == "https://h/x"


def test_user_information_is_percent_decoded():
    url = parse_url("http://us%40er:p%3Ass:w@h/")
    assert (url.username, url.password) == ("us@er", "p:ss:w")


@pytest.mark.parametrize(
    "text", ["http://h/a\r\nX: y", "http://h/ a b", "http://h/\x00", "http://h/a\tb", "http://h\n/", "http://h/\x7f"]
)
def test_CS1_control_characters_and_spaces_are_refused_not_stripped(text):
    with pytest.raises(ValueError, match="percent-encoded"):
        parse_url(text)
    assert match_plain_url(text) is None


def test_CS1_a_space_is_encoded_with_compat_tornado():
    assert parse_url("http://h/a b", compat="tornado").target == "/a%20b"
    with pytest.raises(InvalidURLError):
        parse_url("http://h/a\r\nb", compat="tornado")


@pytest.mark.parametrize(
    "host", ["2130706433", "127.1", "0x7f.1", "017700000001", "1.2.3", "256.1.1.1", "01.2.3.4", "a.1"]
)
def test_CS6_hosts_that_end_in_a_number_are_ipv4_addresses_or_refused(host):
    with pytest.raises(InvalidURLError, match="ends in a number"):
        parse_url(f"http://{host}/")
    assert parse_url(f"http://{host}/", compat="tornado").host == host


@pytest.mark.parametrize(
    ("text", "host", "target"),
    [
        ("http://a\\@evil/", "a", "/@evil/"),
        ("http://a#@evil/", "a", "/"),
        ("http://a:80@evil/", "evil", "/"),
        ("http://a?@evil/", "a", "/?@evil/"),
        ("http://a@b@evil/", "evil", "/"),
        ("http:\\\\a/b", "a", "/b"),
    ],
)
def test_CS7_the_host_is_the_one_that_a_browser_sees(text, host, target):
    url = parse_url(text)
    assert (url.host, url.target) == (host, target)


@pytest.mark.parametrize(
    "text",
    [
        "http://[::1%25lo]/", "http://a:99999/", "http://a:0/", "http://a:-1/", "http://a:8 0/", "http://a:٣/",
        "http://[::1/", "http://::1/", "http:///x", "http://", "http:/x", "http:x", "//h/x", "h/x", "", "ftp://h/",
        "file:///etc/passwd", "data:,x", "http://a b/", "http://-a/", "http://a..b/", "http://a%2fb/", "http://a%00/",
        "http://" + "a" * 64 + "/", "http://h:80:80/", "http://[v1.x]/", "http://*/",
    ],
)  # fmt: skip
def test_CS7_malformed_urls_are_refused(text):
    with pytest.raises(InvalidURLError):
        parse_url(text)


def test_message_hides_user_information():
    with pytest.raises(InvalidURLError) as caught:
        parse_url("http://user:secret@h:99999/")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "joined"),
    [
        ("//evil/x", "http://evil/x"),
        ("\\\\evil\\x", "http://evil/x"),
        ("/a#f", "http://h/a#f"),
        ("b?c", "http://h/dir/b?c"),
        ("?q", "http://h/dir/page?q"),
        ("/a b", "http://h/a%20b"),
        ("/grüße", "http://h/grüße"),
        ("https://other/", "https://other/"),
        (" /x ", "http://h/x"),
    ],
)
def test_CS13_location_is_resolved_against_the_request(location, joined):
    assert join_url("http://h/dir/page", location) == joined


def test_fragment_is_inherited_by_a_redirect_without_one():
    assert join_url("http://h/a#part", "/b") == "http://h/b#part"
    assert join_url("http://h/a#part", "/b#other") == "http://h/b#other"


def test_plain_match_takes_only_what_needs_no_care():
    assert match_plain_url("http://h:80/a?b").groups() == ("http://h:80", "/a?b")
    assert match_plain_url("http://h").groups() == ("http://h", None)
    for text in (
        "http://u@h/",
        "HTTP://h/",
        "http://h/a#b",
        "http://h/é",
        "http://h?x",
        "ftp://h/",
        "http://h/a\\b",
        "http://h/\n",
    ):
        assert match_plain_url(text) is None, text


@pytest.mark.parametrize(
    ("location", "target"),
    [
        (b"/caf\xc3\xa9", "/caf%C3%A9"),
        (b"/\xc3\xa0", "/%C3%A0"),  # its second byte would be a control character of Latin-1
        (b"/\xe6\x97\xa5?q=\xe6\x9c\xac", "/%E6%97%A5?q=%E6%9C%AC"),
        (b"/caf\xe9", "/caf%C3%A9"),  # Latin-1
    ],
)
def test_CS13_raw_bytes_of_a_location_are_utf_8_if_they_can_be(location, target):
    assert parse_url(join_url("http://h/a", location.decode("latin-1"))).target == target


def test_CS13_raw_host_of_a_location_is_an_international_name():
    assert parse_url(join_url("http://h/", "//b\u00fccher.example/".encode().decode("latin-1"))).host == (
        "xn--bcher-kva.example"
    )


@pytest.mark.parametrize(
    "text",
    [
        "http://bob:hunter2@h h/",
        "http://bob:hunter2@h:99999/",
        "http://bob:hun/ter2@h/",
        "http://bob:hun?ter2@h/",
        "http://bob:hun#ter2@h/",
        "ftp://bob:hunter2@h/",
        "http:bob:hunter2@h/",
        "bob:hunter2@h",
        "http:\\\\bob:hunter2@h h",
    ],
)
def test_error_for_a_malformed_url_shows_no_password(text):
    with pytest.raises(InvalidURLError) as caught:
        parse_url(text)
    for shown in (str(caught.value), str(caught.value.url)):
        assert "hun" not in shown and "ter2" not in shown


@pytest.mark.parametrize("text", ["http://h/@user/a b", "http://h:80/x@y z", "http://h/?mail=a@b c", "x@y"])
def test_error_for_a_malformed_url_shows_where_it_leads(text):
    with pytest.raises(InvalidURLError) as caught:
        parse_url(text)
    assert "http://h" in str(caught.value) or text == "x@y"
