"""A non-blocking HTTP/1.1 server."""

from typing import TYPE_CHECKING

from waterspout.http1connection import ObservedRequest, ServerObserver, ServerObservers
from waterspout.httpserver._context import HTTPRequestContext
from waterspout.httpserver._drain import CutRequest, DrainResult
from waterspout.httpserver._server import HTTPServer
from waterspout.httputil import HTTPServerRequest as HTTPRequest
from waterspout.util import exports

if TYPE_CHECKING:
    from waterspout.httpserver._accesslog import AccessLog
    from waterspout.httpserver._prometheus import PrometheusMetrics
    from waterspout.httpserver._run import run
    from waterspout.httpserver._systemd import Notifier, activated_sockets
    from waterspout.httpserver._tracing import Tracing

__all__ = [
    "AccessLog",
    "CutRequest",
    "DrainResult",
    "HTTPRequest",
    "HTTPRequestContext",
    "HTTPServer",
    "Notifier",
    "ObservedRequest",
    "PrometheusMetrics",
    "ServerObserver",
    "ServerObservers",
    "Tracing",
    "activated_sockets",
    "run",
]

if not TYPE_CHECKING:
    __getattr__ = exports(
        __name__,
        _accesslog="AccessLog",
        _prometheus="PrometheusMetrics",
        _run="run",
        _systemd="Notifier activated_sockets",
        _tracing="Tracing",
    )
