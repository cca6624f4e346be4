"""Error pages that reload by themselves: only under `waterspout dev`, and only their own script may run."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.web import Application, RequestHandler

Fetch = Callable[..., HTTPResponse]
PAGE = {"Accept": "text/html"}


class Broken(RequestHandler):
    """Fails."""

    def get(self) -> None:
        raise KeyError("</script><script>alert(1)</script>")

    post = get


def developed(**settings: Any) -> Application:
    application = Application([("/", Broken)], debug=True, autoreload=False, **settings)
    application._started_as = "a1b2"
    return application


@pytest.mark.parametrize("path", ["/", "/nowhere"])
@pytest.mark.parametrize("settings", [{}, {"security_headers": {"Content-Security-Policy": "default-src 'self'"}}])
def test_only_its_own_script_may_run_and_nothing_is_loaded(fetch: Fetch, path: str, settings: dict[str, Any]) -> None:
    response = fetch(developed(**settings), path, headers=PAGE)
    page = response.body.decode()
    ((attributes, script),) = re.findall("<script([^>]*)>(.*?)</script>", page, re.DOTALL)
    assert attributes == " data-shown=a1b2"
    digest = b64encode(sha256(script.encode()).digest()).decode()
    (policy,) = response.headers.get_list("Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ") and f"script-src 'sha256-{digest}';" in policy
    assert not re.search(r"""(src|href)=|url\(|@import""", page)
    assert page.count("This page reloads by itself when the code has changed.") == 1
    assert "id=changed" not in page


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_what_was_sent_is_not_sent_again(fetch: Fetch, method: str) -> None:
    response = fetch(developed(), "/", method=method, headers=PAGE, body=None if method == "DELETE" else b"x=1")
    page = response.body.decode()
    assert "<script data-shown=a1b2>" in page
    assert '<a href="">' in page and page.count("<p class=message id=changed hidden>") == 1


@pytest.mark.parametrize("accept", ["application/json", "text/plain", "*/*"])
def test_data_and_text_are_as_ever(fetch: Fetch, accept: str) -> None:
    response = fetch(developed(), "/", headers={"Accept": accept})
    assert response.code == 500 and b"a1b2" not in response.body and b"getElementById" not in response.body
    assert "script-src" not in response.headers["Content-Security-Policy"]


def test_without_waterspout_dev_the_page_runs_nothing(fetch: Fetch) -> None:
    response = fetch(Application([("/", Broken)], debug=True, autoreload=False), "/", headers=PAGE)
    assert response.code == 500 and b"<script" not in response.body and b"reloads by itself" not in response.body
    assert "script-src" not in response.headers["Content-Security-Policy"]
