import pytest

from waterspout.httputil import HTTPInputError, parse_host, qs_to_qsl, split_host_and_port, url_concat


@pytest.mark.parametrize(
    ("url", "args", "result"),
    [
        ("http://a/b", {"c": "d"}, "http://a/b?c=d"),
        ("http://a/b?", {"c": "d"}, "http://a/b?c=d"),
        ("http://a/b?x=1", {"c": "d"}, "http://a/b?x=1&c=d"),
        ("http://a/b?x=1#f", [("c", "d"), ("c", "e")], "http://a/b?x=1&c=d&c=e#f"),
        ("http://a/b?x=", (("a", "&"),), "http://a/b?x=&a=%26"),
        ("http://a/b?r=1%26t", {"y": "é z"}, "http://a/b?r=1%26t&y=%C3%A9+z"),
        ("http://a/b;p?x=1", {"y": "2"}, "http://a/b;p?x=1&y=2"),
        ("http://a/b", {}, "http://a/b"),
        ("http://a/b", [], "http://a/b"),
        ("http://a/b#f", None, "http://a/b#f"),
    ],
)
def test_arguments_are_added_to_the_query(url: str, args, result: str) -> None:
    assert url_concat(url, args) == result


@pytest.mark.parametrize("args", [5, b"x", "x=1", {1}.__iter__()])
def test_arguments_of_other_types_are_refused(args) -> None:
    with pytest.raises(TypeError, match="'args' parameter"):
        url_concat("http://a/", args)


@pytest.mark.parametrize(
    ("netloc", "parts"),
    [
        ("a", ("a", None)),
        ("a:80", ("a", 80)),
        ("[::1]:80", ("[::1]", 80)),
        ("[::1]", ("[::1]", None)),
        ("a:x", ("a:x", None)),
        ("a:", ("a:", None)),
        ("a:\u0661", ("a:\u0661", None)),
        ("", ("", None)),
        ("a:" + "9" * 5000, ("a:" + "9" * 5000, None)),
    ],
)
def test_host_and_port_are_split_without_a_check(netloc: str, parts: tuple[str, int | None]) -> None:
    assert split_host_and_port(netloc) == parts


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("a", ("a", None)),
        ("Example.COM:80", ("example.com", 80)),
        ("a:", ("a", None)),
        ("127.0.0.1:8888", ("127.0.0.1", 8888)),
        ("a_b-c.d", ("a_b-c.d", None)),
        ("[::1]:8080", ("[::1]", 8080)),
        ("[2001:DB8::1]", ("[2001:db8::1]", None)),
        ("[1:2:3:4:5:6:7:8]", ("[1:2:3:4:5:6:7:8]", None)),
        ("[::ffff:1.2.3.4]", ("[::ffff:1.2.3.4]", None)),
        ("[::]", ("[::]", None)),
        ("a%41", ("a%41", None)),
    ],
)
def test_HO16_valid_hosts_are_read(value: str, parts: tuple[str, int | None]) -> None:
    assert parse_host(value) == parts


REFUSED = {
    "HO3_space": "a b",
    "HO4_slash": "a/b",
    "HO5_user": "u@a",
    "HO6_list": "a, b",
    "HO7_query": "a?x=1",
    "HO8_port_range": "a:99999",
    "HO9_hex_port": "a:0x50",
    "HO10_open_bracket": "[::1",
    "HO11_control": "a\b",
    "HO12_fragment": "a#b",
    "HO13_markup": "<x>",
    "HO14_two_ports": "a:80:90",
    "HO17_empty": "",
    "no_host": ":80",
    "long_port": "a:000080",
    "no_address": "[]",
    "two_gaps": "[1::2::3]",
    "nine_groups": "[1:2:3:4:5:6:7:8:9]",
    "seven_groups": "[1:2:3:4:5:6:7]",
    "full_and_gap": "[1:2:3:4:5:6:7::8]",
    "triple_colon": "[:::1]",
    "long_group": "[12345::]",
    "bad_octet": "[::1.2.3.256]",
    "ipv4_in_front": "[1.2.3.4::]",
    "text_after": "[::1]x",
    "non_ascii": "\xe9",
    "bad_percent": "a%4",
    "newline": "a\n",
}


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_malformed_host_is_refused(value: str) -> None:
    with pytest.raises(HTTPInputError, match="malformed host"):
        parse_host(value)


def test_qs_to_qsl_gives_one_pair_a_value() -> None:
    assert list(qs_to_qsl({"a": ["1", "2"], "b": ["3"]})) == [("a", "1"), ("a", "2"), ("b", "3")]
