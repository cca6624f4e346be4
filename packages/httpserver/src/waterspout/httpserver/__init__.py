"""A non-blocking HTTP/1.1 server."""

from waterspout.http1connection import ObservedRequest, ServerObserver, ServerObservers
from waterspout.httpserver._context import HTTPRequestContext
from waterspout.httpserver._drain import CutRequest, DrainResult
from waterspout.httpserver._run import run
from waterspout.httpserver._server import HTTPServer
from waterspout.httpserver._systemd import Notifier, activated_sockets
from waterspout.httputil import HTTPServerRequest as HTTPRequest

__all__ = [
    "CutRequest",
    "DrainResult",
    "HTTPRequest",
    "HTTPRequestContext",
    "HTTPServer",
    "Notifier",
    "ObservedRequest",
    "ServerObserver",
    "ServerObservers",
    "activated_sockets",
    "run",
]
