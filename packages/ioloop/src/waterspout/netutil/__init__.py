"""Sockets, addresses, name resolution and TLS settings."""

from typing import TYPE_CHECKING

from waterspout.netutil._accept import add_accept_handler
from waterspout.netutil._addresses import is_valid_ip
from waterspout.netutil._sockets import bind_sockets
from waterspout.util import exports

if TYPE_CHECKING:
    from waterspout.netutil._resolver import (
        BlockingResolver,
        DefaultExecutorResolver,
        DefaultLoopResolver,
        ExecutorResolver,
        OverrideResolver,
        Resolver,
        ThreadedResolver,
    )
    from waterspout.netutil._tls_options import ssl_options_to_context, ssl_wrap_socket
    from waterspout.netutil._unix import bind_unix_socket

__all__ = [
    "BlockingResolver",
    "DefaultExecutorResolver",
    "DefaultLoopResolver",
    "ExecutorResolver",
    "OverrideResolver",
    "Resolver",
    "ThreadedResolver",
    "add_accept_handler",
    "bind_sockets",
    "bind_unix_socket",
    "is_valid_ip",
    "ssl_options_to_context",
    "ssl_wrap_socket",
]

if not TYPE_CHECKING:
    __getattr__ = exports(
        __name__,
        _resolver=(
            "BlockingResolver DefaultExecutorResolver DefaultLoopResolver ExecutorResolver OverrideResolver Resolver "
            "ThreadedResolver"
        ),
        _tls_options="ssl_options_to_context ssl_wrap_socket",
        _unix="bind_unix_socket",
    )
