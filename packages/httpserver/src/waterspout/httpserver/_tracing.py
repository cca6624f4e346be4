"""OpenTelemetry spans for requests, with the extra ``waterspout-httpserver[opentelemetry]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waterspout.http1connection import ObservedRequest, ServerObserver
from waterspout.httputil import HTTPInputError, HTTPServerRequest, mask_query, split_host_and_port

if TYPE_CHECKING:
    from opentelemetry.trace import Span, TracerProvider

__all__ = ["Tracing"]

#: Where a request's span is kept: on the request itself, which everybody who serves it has.
_SPAN = "opentelemetry_span"
_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"})


class Tracing(ServerObserver):
    """A server span for each request: ``HTTPServer(observer=Tracing())``.

    Names and attributes are OpenTelemetry's semantic conventions for HTTP servers; the parent is what the request's
    own fields name (``traceparent`` by default, as the global propagator reads them). The span is the current one in
    what serves the request: further spans are below it, also after awaits, in tasks and in a WSGI application's thread.
    """

    __module__ = "waterspout.httpserver"

    def __init__(self, tracer_provider: TracerProvider | None = None) -> None:
        """Raises `ImportError` that names the extra where opentelemetry-api is missing."""
        try:
            from opentelemetry import context, propagate, trace
        except ImportError as error:
            raise ImportError(
                "Tracing needs opentelemetry-api: pip install 'waterspout-httpserver[opentelemetry]'"
            ) from error
        self._extract = propagate.extract
        self._attach = context.attach
        self._trace = trace
        self._tracer = trace.get_tracer("waterspout.httpserver", tracer_provider=tracer_provider)

    def span_of(self, request: HTTPServerRequest) -> Span:
        """The span of *request*; one that records nothing where it is not traced."""
        span: Span = request.__dict__.get(_SPAN, self._trace.INVALID_SPAN)
        return span

    def request_started(self, observed: ObservedRequest) -> None:
        """See `ServerObserver`; so for all others."""
        request = observed.request
        headers = request.headers
        host, port = split_host_and_port(request.host)
        known = request.method in _KNOWN_METHODS
        attributes: dict[str, Any] = {
            "http.request.method": request.method if known else "_OTHER",
            "url.scheme": request.protocol,
            "url.path": request.path,
            "server.address": host,
            "client.address": request.remote_ip or "",
            "network.protocol.version": request.version.rpartition("/")[2],
        }
        if not known:
            attributes["http.request.method_original"] = request.method
        if request.query:
            attributes["url.query"] = mask_query("?" + request.query)[1:]
        if port is not None:
            attributes["server.port"] = port
        agent = headers.get("User-Agent")
        if agent is not None:
            attributes["user_agent.original"] = agent
        request.__dict__[_SPAN] = self._tracer.start_span(
            request.method if known else "HTTP",
            context=self._extract({name.lower(): value for name, value in headers.items()}),
            kind=self._trace.SpanKind.SERVER,
            attributes=attributes,
        )

    def enter_request(self, observed: ObservedRequest) -> None:
        # Never detached: the context ends with the request.
        self._attach(self._trace.set_span_in_context(self.span_of(observed.request)))

    def request_finished(self, observed: ObservedRequest) -> None:
        self._end(observed, None)

    def request_failed(self, observed: ObservedRequest, error: BaseException) -> None:
        self._end(observed, error)

    def _end(self, observed: ObservedRequest, error: BaseException | None) -> None:
        request = observed.request
        span = self.span_of(request)
        status = observed.status
        if observed.route is not None:
            span.set_attribute("http.route", observed.route)
            if request.method in _KNOWN_METHODS:
                span.update_name(f"{request.method} {observed.route}")
        if status is not None:
            span.set_attribute("http.response.status_code", status)
            span.set_attribute("http.response.body.size", observed.sent)
        if observed.received:
            span.set_attribute("http.request.body.size", observed.received)
        if error is not None:
            span.set_attribute("error.type", type(error).__qualname__)
        elif status is not None and status >= 500:
            span.set_attribute("error.type", str(status))
        # A request that is wrong (4xx) is no error of the server (semantic conventions for HTTP spans: status).
        if (error is not None and not isinstance(error, HTTPInputError)) or (status is not None and status >= 500):
            span.set_status(self._trace.StatusCode.ERROR)
        span.end()
