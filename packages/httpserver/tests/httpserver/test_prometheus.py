"""Metrics for Prometheus: counts, labels, and the page that is scraped."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpserver import PrometheusMetrics
from waterspout.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from waterspout.ioloop import Lag
from waterspout.routing import RuleRouter

prometheus_client = pytest.importorskip("prometheus_client", reason="the extra prometheus is not installed")

Exchange = Callable[..., tuple[bytes, bool]]
GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"


def answer(request: HTTPServerRequest) -> None:
    request.connection.write_headers(ResponseStartLine("", 200, "OK"), HTTPHeaders({"Content-Length": "2"}), b"ok")
    request.connection.finish()


@pytest.fixture
def metrics() -> PrometheusMetrics:
    return PrometheusMetrics(prometheus_client.CollectorRegistry())


def value(metrics: PrometheusMetrics, name: str, **labels: str) -> float | None:
    found: float | None = metrics.registry.get_sample_value(f"http_server_{name}", labels)
    return found


def test_OT12_requests_are_counted_by_route_and_never_by_path(exchange: Exchange, metrics: PrometheusMetrics) -> None:
    router = RuleRouter([("/story/([0-9]+)", answer), ("/metrics", metrics.serve)])
    raw = GET % b"story/1" + GET % b"story/2" + GET % b"nowhere" + b"BREW /story/3 HTTP/1.1\r\nHost: a\r\n\r\n"
    post = b"POST /story/4 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    received, _ = exchange(router, raw + post + GET % b"metrics", observer=metrics)
    assert value(metrics, "requests_total", method="GET", route="/story/{}", status="200") == 2
    assert value(metrics, "requests_total", method="GET", route="", status="404") == 1
    assert value(metrics, "requests_total", method="other", route="/story/{}", status="200") == 1
    assert value(metrics, "request_seconds_count", method="POST", route="/story/{}") == 1
    assert value(metrics, "received_bytes_total") == 3
    assert (value(metrics, "requests_active"), value(metrics, "connections")) == (0, 0)
    assert value(metrics, "connections_accepted_total") == 1
    page = received.rpartition(b"\r\n\r\n")[2].decode()
    assert 'http_server_requests_total{method="GET",route="/story/{}",status="200"} 2.0' in page
    assert "http_server_requests_active 1.0" in page, "the scrape itself"
    assert "story/1" not in page


def test_what_fails_is_counted_as_what_it_is(exchange: Exchange, metrics: PrometheusMetrics) -> None:
    exchange(lambda request: None, GET % b"", None, observer=metrics)
    exchange(answer, b"nonsense\r\n\r\n", observer=metrics)
    exchange(answer, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", observer=metrics)
    metrics.connection_shed(("127.0.0.1", 1), "full")
    metrics.loop_lagged(Lag(0.2, "f", ""))
    assert value(metrics, "requests_total", method="GET", route="", status="cut off") == 1
    assert value(metrics, "requests_total", method="POST", route="", status="400") == 1
    assert value(metrics, "refused_total", status="400") == 1
    assert value(metrics, "connections_shed_total") == 1
    assert value(metrics, "loop_lag_seconds_sum") == 0.2
    assert value(metrics, "requests_active") == 0


def test_openmetrics_is_given_to_who_asks_for_it(exchange: Exchange, metrics: PrometheusMetrics) -> None:
    accept = b"GET / HTTP/1.1\r\nHost: a\r\nAccept: application/openmetrics-text; version=1.0.0\r\n\r\n"
    received, _ = exchange(metrics.serve, accept, observer=metrics)
    assert b"Content-Type: application/openmetrics-text" in received and received.endswith(b"# EOF\n")
    plain, _ = exchange(metrics.serve, GET % b"", observer=metrics)
    assert b"Content-Type: text/plain" in plain


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ImportError, match=r"waterspout-httpserver\[prometheus\]"):
        PrometheusMetrics(registry=_any())


def _any() -> Any:
    return object()
