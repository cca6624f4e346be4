"""Twisted's asyncio reactor, and Deferreds among the things that a coroutine may yield."""

from __future__ import annotations

import sys
from typing import Any

from waterspout.concurrent import Future, convert_yielded, future_set_exception_unless_cancelled
from waterspout.concurrent import future_set_result_unless_cancelled as set_result
from waterspout.ioloop import IOLoop


def install() -> None:
    """Make Twisted use asyncio, and so the same loop as IOLoop; to be called before its reactor is first imported.

    Twisted's own ``asyncioreactor.install`` does the same. ImportError if Twisted is not installed.
    """
    from twisted.internet.asyncioreactor import install as install_reactor  # Twisted is an optional companion

    install_reactor(IOLoop.current().asyncio_loop)  # type: ignore[no-untyped-call]
    register_deferred()


def register_deferred() -> None:
    """Let coroutines yield Deferreds."""
    from twisted.internet.defer import Deferred

    convert_yielded.register(Deferred, deferred_to_future)


def deferred_to_future(deferred: Any) -> Future[Any]:
    """A future of what ``deferred`` comes to."""
    future: Future[Any] = Future()

    def succeeded(result: Any) -> None:
        set_result(future, result)

    def failed(failure: Any) -> None:
        future_set_exception_unless_cancelled(future, failure.value)

    deferred.addCallbacks(succeeded, failed)
    return future


install.__module__ = "waterspout.platform.twisted"

if "twisted.internet.defer" in sys.modules:
    # Twisted is in use: as soon as this module is imported, coroutines may yield its Deferreds.
    register_deferred()
