"""A request that failed, as the log shows it."""

from __future__ import annotations

from waterspout.httputil import HTTPServerRequest
from waterspout.web._requestdump import request_dump


def test_LG2_the_dump_of_a_request_that_failed_is_masked_too() -> None:
    request = HTTPServerRequest("GET", "/a?token=abc&x=1")
    assert request_dump(request, request.uri).count("abc") == 0
    assert "uri='/a?token=***&x=1'" in request_dump(request, request.uri)
