"""The TLS settings of a server, with the certificate that is on disk now."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final

from waterspout.log import app_log
from waterspout.netutil import ssl_options_to_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

#: Seconds between two looks at the files.
CHECK_INTERVAL: Final = 1.0

_FILES: Final = ("certfile", "keyfile", "ca_certs")


class ServerContext:
    """Makes the ``ssl.SSLContext`` of a server from a dict of options, and again when one of the files has changed.

    A pair that does not load (half written, key and certificate apart) is logged, and the last good context stays.
    """

    __slots__ = ("_context", "_looked", "_options", "_prepare", "_stamp")

    def __init__(self, options: dict[str, Any], prepare: Callable[[ssl.SSLContext], object] | None = None) -> None:
        """*prepare* is called with each context that is made, before it is used."""
        self._options = options
        self._prepare = prepare
        self._context: ssl.SSLContext | None = None
        self._stamp: tuple[Any, ...] = ()
        self._looked = float("-inf")

    def get(self) -> ssl.SSLContext:
        """The context for a new connection.  ssl.SSLError or OSError if there is no good one yet."""
        now = time.monotonic()
        context = self._context
        if context is not None and now - self._looked < CHECK_INTERVAL:
            return context
        self._looked = now
        try:
            stamp = tuple(_stamp_of(self._options[key]) for key in _FILES if self._options.get(key) is not None)
            if context is None or stamp != self._stamp:
                made = ssl_options_to_context(self._options, server_side=True)
                if self._prepare is not None:
                    self._prepare(made)
                self._context = context = made
                self._stamp = stamp
        except (OSError, ValueError) as error:  # ssl.SSLError is the former, an encrypted key the latter
            if context is None:
                raise
            app_log.error("Cannot load the changed certificate of %r, keeping the last one: %s", self._options, error)
        return context


def _stamp_of(path: str) -> tuple[int, int, int]:
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size, found.st_ino
