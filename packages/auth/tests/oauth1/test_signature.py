"""Signatures: the examples of RFC 5849, and what is easily encoded wrongly."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.auth.oauth1 import authorization_header, base_string, signature


def test_the_base_string_is_that_of_the_RFC() -> None:
    """3.4.1.1: parameters of query, body and header, names without values, a name twice."""
    params = [
        ("c2", ""),
        ("a3", "2 q"),
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
        ("oauth_signature", "left out"),
        ("realm", "left out"),
    ]
    assert base_string("post", "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", params) == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D"
        "%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1"
        "%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    )


def test_the_signature_is_that_of_the_RFC() -> None:
    """1.2: the request for a photo."""
    params = {
        "oauth_consumer_key": "dpf43f3p2l4k3l03",
        "oauth_token": "nnch734d00sl2jdk",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": "137131202",
        "oauth_nonce": "chapoH",
    }
    url = "http://photos.example.net/photos?file=vacation.jpg&size=original"
    made = signature("GET", url, params.items(), "kd94hf93k423kf44", "pfkkdhi9sl3r4s00")
    assert made == "MdpQcU8iPSUjWoN/UDMsK2sui9I="


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=6), st.lists(st.tuples(TEXT, TEXT), max_size=4), TEXT, TEXT)
def test_signatures_are_those_that_oauthlib_makes(
    params: list[tuple[str, str]], query: list[tuple[str, str]], client_secret: str, token_secret: str
) -> None:
    rfc5849 = pytest.importorskip("oauthlib.oauth1.rfc5849.signature", reason="oauthlib is not installed")
    params = [(name, value) for name, value in params if name not in ("realm", "oauth_signature")]
    query = [(name, value) for name, value in query if name not in ("realm", "oauth_signature")]
    url = "https://Example.com/a%20b?" + urlencode(query)
    theirs = rfc5849.signature_base_string(
        "GET", rfc5849.base_string_uri(url), rfc5849.normalize_parameters([*query, *params])
    )
    assert base_string("GET", url, params) == theirs
    keys = type("Keys", (), {"client_secret": client_secret, "resource_owner_secret": token_secret})
    made = signature("GET", url, params, client_secret, token_secret)
    assert made == rfc5849.sign_hmac_sha1_with_client(theirs, keys)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTPS://Example.COM:443/Path", "https%3A%2F%2Fexample.com%2FPath"),
        ("https://example.com:8443", "https%3A%2F%2Fexample.com%3A8443%2F"),
        ("http://[2001:DB8::1]:80/x", "http%3A%2F%2F%5B2001%3Adb8%3A%3A1%5D%2Fx"),
        ("https://example.com/a%20b/~c;d", "https%3A%2F%2Fexample.com%2Fa%2520b%2F~c%3Bd"),
    ],
)
def test_the_address_is_normalized_as_far_as_the_RFC_says(url: str, expected: str) -> None:
    assert base_string("GET", url, []) == f"GET&{expected}&"


@pytest.mark.parametrize("url", ["ftp://example.com/", "example.com", "/path", "https:///path", ""])
def test_what_is_no_http_address_is_not_signed(url: str) -> None:
    with pytest.raises(ValueError, match="only http and https"):
        base_string("GET", url, [])


def test_other_hashes_make_other_signatures_and_unknown_ones_none() -> None:
    made = {
        method: signature("GET", "https://example.com/", [], "c", "t", signature_method=method)
        for method in ("HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512")
    }
    assert len(set(made.values())) == 3
    with pytest.raises(ValueError, match="signature_method must be one of"):
        signature("GET", "https://example.com/", [], "c", signature_method="PLAINTEXT")


def test_values_in_the_header_are_encoded() -> None:
    header = authorization_header({"oauth_token": 'a"b, c=é', "oauth_version": "1.0"}, realm="Photos")
    assert header == 'OAuth realm="Photos", oauth_token="a%22b%2C%20c%3D%C3%A9", oauth_version="1.0"'
