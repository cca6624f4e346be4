"""JSON request bodies."""

from __future__ import annotations

import time

import pytest

from waterspout.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest
from waterspout.httputil._jsonbody import parse_json


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"])
def test_json_of_any_json_type_is_read(kind: str) -> None:
    assert parse_json(b'{"a": [1, "\xc3\xa9", null]}', kind) == {"a": [1, "é", None]}
    assert parse_json(b"\xef\xbb\xbf1", kind) == 1


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "text/json+json"])
def test_XS9_what_a_form_of_another_site_can_send_is_415(kind: str | None) -> None:
    with pytest.raises(HTTPInputError, match="JSON was expected") as caught:
        parse_json(b"{}", kind)
    assert caught.value.status == 415


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b"1" * 10_000, b"NaN", b"[Infinity]", b"-Infinity", b"", b"{", b"\xff", b"{'a': 1}", b"1 2"],
)
def test_UE9_UE10_malformed_json_is_400_however_it_is_broken(body: bytes) -> None:
    before = time.process_time()
    with pytest.raises(HTTPInputError, match="malformed JSON") as caught:
        parse_json(body, "application/json")
    assert caught.value.status == 400 and time.process_time() - before < 0.5


def test_UE10_of_repeated_names_the_last_counts() -> None:
    assert parse_json(b'{"a": 1, "a": 2}', "application/json") == {"a": 2}


def test_a_request_reads_its_own_body() -> None:
    request = HTTPServerRequest("POST", "/", headers=HTTPHeaders({"Content-Type": "application/json"}), body=b"[1]")
    assert request.json() == [1]
    request.headers["Content-Type"] = "text/plain"
    with pytest.raises(HTTPInputError) as caught:
        request.json()
    assert caught.value.status == 415
