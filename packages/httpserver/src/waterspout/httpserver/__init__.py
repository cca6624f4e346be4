"""A non-blocking HTTP/1.1 server."""

from waterspout.http1connection import ObservedRequest, ServerObserver, ServerObservers
from waterspout.httpserver._context import HTTPRequestContext
from waterspout.httpserver._server import HTTPServer
from waterspout.httputil import HTTPServerRequest as HTTPRequest

__all__ = [
    "HTTPRequest",
    "HTTPRequestContext",
    "HTTPServer",
    "ObservedRequest",
    "ServerObserver",
    "ServerObservers",
]
