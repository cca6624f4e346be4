"""WSGI applications on an `HTTPServer`."""

from waterspout.wsgi._container import WSGIContainer

__all__ = ["WSGIContainer"]
