"""OpenTelemetry spans of requests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpserver import Tracing
from waterspout.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from waterspout.routing import RuleRouter

pytest.importorskip("opentelemetry.sdk", reason="the extra opentelemetry, and its SDK for tests, are not installed")
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

Exchange = Callable[..., tuple[bytes, bool]]
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def answer(request: HTTPServerRequest) -> None:
    status = 500 if request.path == "/broken" else 200
    request.connection.write_headers(ResponseStartLine("", status, "Any"), HTTPHeaders({"Content-Length": "2"}), b"ok")
    request.connection.finish()


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Tracing:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider)


def get(target: str, *fields: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: a.example:8080", *fields, "", ""]).encode()


def test_a_span_has_its_parent_name_and_attributes(
    exchange: Exchange, tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    router = RuleRouter([("/story/([0-9]+)", answer)])
    exchange(router, get("/story/5?token=x&a=1", f"traceparent: {PARENT}", "User-Agent: tester"), observer=tracing)
    (span,) = exporter.get_finished_spans()
    assert span.name == "GET /story/{}" and span.kind is trace.SpanKind.SERVER
    assert span.parent is not None and f"{span.parent.trace_id:032x}" in PARENT and span.status.is_unset
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET", "url.scheme": "http", "url.path": "/story/5", "url.query": "token=***&a=1",
        "server.address": "a.example", "server.port": 8080, "client.address": "127.0.0.1",
        "network.protocol.version": "1.1", "user_agent.original": "tester", "http.route": "/story/{}",
        "http.response.status_code": 200, "http.response.body.size": 2,
    }  # fmt: skip


def test_what_serves_a_request_can_make_spans_below_it(
    exchange: Exchange, tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    def work(request: HTTPServerRequest) -> None:
        with trace.use_span(tracing.span_of(request)):
            tracing._tracer.start_span("query").end()
        answer(request)

    exchange(work, get("/"), observer=tracing)
    query, served = exporter.get_finished_spans()
    assert query.parent is not None and query.parent.span_id == served.get_span_context().span_id


def test_errors_of_the_server_are_errors_and_those_of_clients_are_not(
    exchange: Exchange, tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    exchange(answer, get("/broken"), observer=tracing)
    exchange(lambda request: None, get("/"), None, observer=tracing)
    exchange(answer, get("/", "Transfer-Encoding: chunked") + b"zz\r\n", observer=tracing)
    broken, left, malformed = exporter.get_finished_spans()
    assert broken.status.status_code is trace.StatusCode.ERROR and (broken.attributes or {})["error.type"] == "500"
    assert left.status.status_code is trace.StatusCode.ERROR
    assert (left.attributes or {})["error.type"] == "StreamClosedError"
    assert malformed.status.is_unset and (malformed.attributes or {})["http.response.status_code"] == 400


def test_an_invented_method_is_no_name_of_a_span(
    exchange: Exchange, tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    exchange(answer, get("/", method="BREW"), observer=tracing)
    (span,) = exporter.get_finished_spans()
    assert span.name == "HTTP" and (span.attributes or {})["http.request.method_original"] == "BREW"


def test_a_request_that_is_not_traced_has_a_span_that_records_nothing(tracing: Tracing) -> None:
    request = HTTPServerRequest("GET", "/")
    assert tracing.span_of(request) is trace.INVALID_SPAN


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: Any = None
    monkeypatch.setitem(sys.modules, "opentelemetry", missing)
    with pytest.raises(ImportError, match=r"waterspout-httpserver\[opentelemetry\]"):
        Tracing()
