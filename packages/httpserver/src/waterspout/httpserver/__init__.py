"""A non-blocking HTTP/1.1 server."""

from waterspout.httpserver._context import HTTPRequestContext
from waterspout.httpserver._server import HTTPServer

__all__ = ["HTTPRequestContext", "HTTPServer"]
