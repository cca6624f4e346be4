"""What `run` was asked for, in one value that workers inherit."""

from __future__ import annotations

import importlib
import inspect
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from waterspout.httpserver._server import HTTPServer

__all__ = ["Order", "Settings"]

Hook = Callable[[HTTPServer], Awaitable[Any] | Any]


class Order(Enum):
    """What a serving process is told; the values are what goes over the wire from the supervisor."""

    RETIRE = b"r"  # others go on on the same sockets: end when everybody has been served
    TERMINATE = b"t"  # the whole server ends
    INTERRUPT = b"i"  # the same, and somebody is waiting for it at a terminal
    QUIT = b"q"  # at once


#: Seconds for connections that are silent when the order comes, in which requests that are on their way still arrive;
#: None is as long as the drain lasts.
IDLE_GRACE = {Order.RETIRE: None, Order.TERMINATE: 1.0, Order.INTERRUPT: 0.0, Order.QUIT: 0.0}


@dataclass(frozen=True)
class Settings:
    """See `waterspout.httpserver.run`, whose parameters these are."""

    app: Any
    factory: bool = False
    workers: int = 1
    drain_deadline: float = 30.0
    start_deadline: float = 60.0
    on_start: Hook | None = None
    on_stop: Hook | None = None
    loop_factory: Any = None
    tune_gc: bool = True
    #: Somebody else (the service manager) keeps the listening sockets open.
    sockets_outlive: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    async def make_application(self) -> Any:
        """The application, imported and made in the process that serves it."""
        app = self.app
        if isinstance(app, str):
            app = import_application(app)
        if self.factory:
            app = app()
            if inspect.isawaitable(app):
                app = await app
        return app


def import_application(name: str) -> Any:
    """What ``"package.module:attribute"`` names. ImportError or AttributeError say what is missing."""
    module_name, colon, path = name.partition(":")
    if not colon or not path:
        raise ValueError(f"{name!r} names no application: write it as 'package.module:attribute'")
    found: Any = importlib.import_module(module_name)
    for part in path.split("."):
        found = getattr(found, part)
    return found


def describe(sock: socket.socket) -> str:
    """Where *sock* listens, as a reader wants it."""
    name = sock.getsockname()
    if sock.family == getattr(socket, "AF_UNIX", None):
        text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        return "unix:" + text.replace("\0", "@", 1)
    host, port = name[:2]
    host = "localhost" if is_everywhere(sock) else host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_everywhere(sock: socket.socket) -> bool:
    """Whether *sock* listens on all addresses of the machine, not only where `describe` says."""
    return sock.family != getattr(socket, "AF_UNIX", None) and sock.getsockname()[0] in ("0.0.0.0", "::")
