"""WSGI applications on an `HTTPServer`."""

from waterspout.httputil import HTTPServerRequest as HTTPRequest
from waterspout.wsgi._container import WSGIContainer
from waterspout.wsgi._environ import to_wsgi_str

__all__ = ["HTTPRequest", "WSGIContainer", "to_wsgi_str"]
