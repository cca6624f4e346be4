"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.web import Application, HTTPError, Problem, RequestHandler

Fetch = Callable[..., HTTPResponse]
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Fails(RequestHandler):
    def get(self, kind: str) -> None:
        if kind == "problem":
            raise Problem(
                403, "Your balance is 30, but that costs 50.", type="https://example.com/out-of-credit",
                title="You do not have enough credit.", log_message="account %s", balance=30, accounts=["/a/1"],
            )  # fmt: skip
        if kind == "error":
            raise HTTPError(409, "secret log message", reason="Taken")
        raise ValueError("secret")


def get(fetch: Fetch, path: str, accept: str | None = None, **settings: Any) -> HTTPResponse:
    headers = {} if accept is None else {"Accept": accept}
    return fetch(Application([("/(.*)", Fails)], **settings), path, headers=headers)


@pytest.mark.parametrize("settings", [{}, {"problem_json": True}])
@pytest.mark.parametrize("accept", [None, BROWSER, "application/json"])
def test_a_problem_tells_everybody_what_is_wrong(fetch: Fetch, accept: str | None, settings: Any) -> None:
    response = get(fetch, "/problem", accept, **settings)
    assert (response.code, response.headers["Content-Type"]) == (403, "application/problem+json")
    assert json.loads(response.body) == {
        "type": "https://example.com/out-of-credit",
        "title": "You do not have enough credit.",
        "status": 403,
        "detail": "Your balance is 30, but that costs 50.",
        "balance": 30,
        "accounts": ["/a/1"],
    }


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/problem+json, text/html;q=0.5"])
def test_with_the_setting_other_errors_are_documents_without_what_is_for_the_log(
    fetch: Fetch, accept: str | None
) -> None:
    response = get(fetch, "/error", accept, problem_json=True)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(response.body) == {"title": "Taken", "status": 409}
    response = get(fetch, "/exception", accept, problem_json=True)
    assert json.loads(response.body) == {"title": "Internal Server Error", "status": 500}


def test_browsers_still_get_a_page(fetch: Fetch) -> None:
    assert get(fetch, "/error", BROWSER, problem_json=True).body.startswith(b"<html>")


def test_without_the_setting_there_is_a_page(fetch: Fetch) -> None:
    assert get(fetch, "/error", "application/json").body.startswith(b"<html>")


def test_an_error_may_have_headers_of_its_own(fetch: Fetch) -> None:
    class Busy(RequestHandler):
        def get(self) -> None:
            raise HTTPError(503, headers={"Retry-After": "30"})

    assert fetch([("/", Busy)]).headers["Retry-After"] == "30"
