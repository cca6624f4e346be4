"""ASGI applications on an `HTTPServer`."""

from waterspout.asgi._container import ASGIContainer
from waterspout.asgi._exchange import ClientDisconnected
from waterspout.asgi._lifespan import LifespanFailed

__all__ = ["ASGIContainer", "ClientDisconnected", "LifespanFailed"]
