"""Metrics for Prometheus, with the extra ``waterspout-httpserver[prometheus]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waterspout.http1connection import HTTP1ServerConnection, ObservedRequest, ServerObserver
from waterspout.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest, ResponseStartLine

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from waterspout.ioloop import Lag

__all__ = ["PrometheusMetrics"]

#: Methods that are labels of their own (RFC 9110, 9.3; RFC 5789); a client may invent any number of others.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})


class PrometheusMetrics(ServerObserver):
    """Counts and times requests and connections: ``HTTPServer(observer=PrometheusMetrics())``.

    `serve` answers a scrape. Requests are labelled by method, route template (empty where no route fits) and status,
    never by path (OT12). *registry* defaults to prometheus_client's own, so that its process metrics come along;
    *prefix* begins each name.
    """

    __module__ = "waterspout.httpserver"

    registry: CollectorRegistry

    def __init__(self, registry: CollectorRegistry | None = None, prefix: str = "http_server") -> None:
        """Raises `ImportError` that names the extra where prometheus_client is missing."""
        try:
            import prometheus_client
        except ImportError as error:
            raise ImportError(
                "PrometheusMetrics needs prometheus_client: pip install 'waterspout-httpserver[prometheus]'"
            ) from error
        self._client = prometheus_client
        self.registry = registry = prometheus_client.REGISTRY if registry is None else registry

        def counter(name: str, text: str, *labels: str) -> Any:
            return prometheus_client.Counter(f"{prefix}_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str) -> Any:
            return prometheus_client.Gauge(f"{prefix}_{name}", text, registry=registry)

        def histogram(name: str, text: str, *labels: str) -> Any:
            return prometheus_client.Histogram(f"{prefix}_{name}", text, labels, registry=registry)

        self._requests = counter("requests", "Requests that are over", "method", "route", "status")
        self._seconds = histogram("request_seconds", "From the head of a request to the end", "method", "route")
        self._active = gauge("requests_active", "Requests being read or answered")
        self._received = counter("received_bytes", "Content of requests")
        self._sent = counter("sent_bytes", "Content of responses")
        self._refused = counter("refused", "What was no request, by the status of the answer", "status")
        self._connections = gauge("connections", "Open connections")
        self._accepted = counter("connections_accepted", "Connections served")
        self._shed = counter("connections_shed", "Connections turned away because of a limit")
        self._lag = histogram("loop_lag_seconds", "How long a callback held the event loop up")

    def connection_opened(self, connection: HTTP1ServerConnection) -> None:
        """See `ServerObserver`; so for all others."""
        self._connections.inc()
        self._accepted.inc()

    def connection_closed(self, connection: HTTP1ServerConnection) -> None:
        self._connections.dec()

    def connection_shed(self, address: Any, why: str) -> None:
        self._shed.inc()

    def request_started(self, observed: ObservedRequest) -> None:
        self._active.inc()

    def request_finished(self, observed: ObservedRequest) -> None:
        self._over(observed, str(observed.status or ""))

    def request_failed(self, observed: ObservedRequest, error: BaseException) -> None:
        self._over(observed, str(observed.status) if isinstance(error, HTTPInputError) else "cut off")

    def request_refused(self, connection: HTTP1ServerConnection, error: BaseException) -> None:
        self._refused.labels(str(getattr(error, "status", ""))).inc()

    def loop_lagged(self, lag: Lag) -> None:
        self._lag.observe(lag.seconds)

    def _over(self, observed: ObservedRequest, status: str) -> None:
        method = observed.request.method if observed.request.method in METHODS else "other"
        route = observed.route or ""
        self._active.dec()
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(method, route).observe(observed.seconds)
        self._received.inc(observed.received)
        self._sent.inc(observed.sent)

    def serve(self, request: HTTPServerRequest) -> None:
        """Answer *request* with all metrics of the registry: a target for a route, or a server's whole application.

        They tell of every route and its traffic: do not publish them.
        """
        encode, content_type = self._client.exposition.choose_encoder(request.headers.get("Accept", ""))
        body = encode(self.registry)
        headers = HTTPHeaders({"Content-Type": content_type, "Content-Length": str(len(body))})
        request.connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), headers, body)
        request.connection.finish()
