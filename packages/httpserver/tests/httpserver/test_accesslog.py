"""The access log as text and JSON."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.http1connection import HTTP1ServerConnection
from waterspout.httpserver import AccessLog
from waterspout.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from waterspout.log import set_worker
from waterspout.routing import RuleRouter

Exchange = Callable[..., tuple[bytes, bool]]


def answer(request: HTTPServerRequest) -> None:
    status = int(request.path.rpartition("/")[2] or 200) if request.path[1:].isdigit() else 200
    request.connection.write_headers(ResponseStartLine("", status, "Any"), HTTPHeaders({"Content-Length": "2"}), b"ok")
    request.connection.finish()


def get(target: str, *fields: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: a", *fields, "", ""]).encode("latin-1")


@pytest.fixture
def logged(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> Callable[..., list[logging.LogRecord]]:
    def run(*pieces: Any, form: str = "text", application: Any = answer, **options: Any) -> list[logging.LogRecord]:
        caplog.clear()
        with caplog.at_level(logging.INFO, "waterspout.access"):
            exchange(application, *pieces, observer=AccessLog(form), **options)
        return [record for record in caplog.records if record.name == "waterspout.access"]

    return run


def test_a_line_says_what_was_asked_and_what_came_of_it(logged: Any) -> None:
    (record,) = logged(get("/a?b=c", "X-Request-Id: order-17"))
    assert re.fullmatch(r"200 GET /a\?b=c \(127\.0\.0\.1\) [0-9.]+ms 2B id=order-17", record.getMessage())


def test_levels_follow_the_status(logged: Any) -> None:
    records = logged(get("/200"), get("/404"), get("/503"))
    assert [record.levelno for record in records] == [logging.INFO, logging.WARNING, logging.ERROR]


def test_json_has_every_part(logged: Any) -> None:
    router = RuleRouter([("/story/([0-9]+)", answer)])
    head = "POST /story/5?token=abc HTTP/1.1\r\nHost: a:80\r\nUser-Agent: tester\r\nContent-Length: 5\r\n"
    raw = (head + "Referer: http://b/?password=x&q=1\r\nX-Request-Id: r1\r\n\r\nhello").encode()
    (record,) = logged(raw, form="json", application=router)
    entry = json.loads(record.getMessage())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("time"))
    assert 0 <= entry.pop("first_byte") <= entry.pop("seconds") < 30
    assert entry == {
        "id": "r1", "client": "127.0.0.1", "method": "POST", "target": "/story/5?token=***", "route": "/story/{}",
        "version": "HTTP/1.1", "host": "a:80", "status": 200, "outcome": "finished", "received": 5, "sent": 2,
        "user_agent": "tester", "referer": "http://b/?password=***&q=1",
    }  # fmt: skip


def test_json_names_one_of_several_workers(logged: Any) -> None:
    set_worker(3)
    try:
        (record,) = logged(get("/"), form="json")
    finally:
        set_worker(None)
    assert list(json.loads(record.getMessage()))[:3] == ["time", "worker", "id"]
    (record,) = logged(get("/"), form="json")
    assert "worker" not in json.loads(record.getMessage())


@pytest.mark.parametrize("given", ["", "a b", "a\tb", "x" * 129, "<script>", "\xe9", 'a"b', "${jndi:ldap://x}"])
def test_a_request_id_that_is_not_safe_to_repeat_is_replaced(logged: Any, given: str) -> None:
    (record,) = logged(get("/", f"X-Request-Id: {given}"), form="json")
    assert re.fullmatch("[0-9a-f]{32}", json.loads(record.getMessage())["id"])


def test_each_request_without_an_id_gets_one_of_its_own_which_its_handler_sees(logged: Any) -> None:
    seen = []

    def look(request: HTTPServerRequest) -> None:
        seen.append(request.request_id)
        answer(request)

    records = logged(get("/"), get("/"), application=look)
    assert len(set(seen)) == 2
    assert [record.getMessage().rpartition("id=")[2] for record in records] == seen


@pytest.mark.parametrize("form", ["text", "json"])
def test_LG1_whatever_the_target_holds_it_is_one_short_record(logged: Any, form: str) -> None:
    for target in ("/%0aforged", "/%1b[31m", "/" + "a" * 8000):
        (record,) = logged(get(target), form=form)
        text = record.getMessage()
        assert text.isprintable() and len(text) < 3000
    records = logged(b"GET /\x1b[31m HTTP/1.1\r\nHost: a\r\n\r\n", form=form)
    assert len(records) == 1 and records[0].getMessage().isprintable()


@pytest.mark.parametrize("form", ["text", "json"])
def test_LG2_secrets_in_queries_are_masked_and_authorization_is_not_logged(logged: Any, form: str) -> None:
    (record,) = logged(get("/?token=hunter2&password=hunter2", "Authorization: Basic hunter2"), form=form)
    assert "hunter2" not in record.getMessage() and record.getMessage().count("***") == 2


def test_LG3_who_sends_nonsense_in_a_loop_is_logged_a_bounded_number_of_times(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    class Again(AccessLog):
        def request_refused(self, connection: HTTP1ServerConnection, error: BaseException) -> None:
            for _ in range(50):
                super().request_refused(connection, error)

    exchange(answer, b"nonsense\r\n\r\n", observer=Again())
    records = [record for record in caplog.records if record.name == "waterspout.access"]
    assert len(records) == 20
    assert re.fullmatch(r"400 - \(127\.0\.0\.1\) .*Malformed.*", records[0].getMessage())


def test_LG4_json_cannot_be_broken_out_of(logged: Any) -> None:
    (record,) = logged(get('/"%7d', 'User-Agent: "}\\\xe9 admin'), form="json")
    entry = json.loads(record.getMessage())
    assert entry["user_agent"] == '"}\\\xe9 admin' and record.getMessage().isascii()


@pytest.mark.parametrize("form", ["text", "json"])
def test_LG5_no_text_of_a_client_is_a_format_string(logged: Any, form: str) -> None:
    (record,) = logged(get("/%s%n%(name)s{}"), form=form)
    assert "/%s%n%(name)s{}" in record.getMessage()


def test_a_client_that_left_and_a_body_that_broke_are_told_apart(logged: Any) -> None:
    (record,) = logged(get("/"), None, application=lambda request: None)
    assert record.getMessage().startswith("- GET / ") and record.getMessage().endswith(" cut off")
    assert record.levelno == logging.INFO
    chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    (record,) = logged(chunked)
    assert record.getMessage().startswith("400 POST / ") and record.getMessage().endswith(" refused")


def test_another_form_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="xml"):
        AccessLog("xml")
