"""Reading the PROXY header of a new connection, and not one byte more: what follows may be a TLS handshake."""

from __future__ import annotations

import socket
from collections.abc import Callable

from waterspout.httpserver._proxyprotocol import (
    SHORTEST,
    SIGNATURE,
    V1_LONGEST,
    ProxyHeader,
    ProxyProtocolError,
    parse_v1,
    parse_v2,
    v2_size,
)
from waterspout.ioloop import IOLoop

__all__ = ["PROXY_TIMEOUT", "ProxyHeaderReader"]

#: Seconds for the header: the balancer sends it in its first packet.
PROXY_TIMEOUT = 5.0


class ProxyHeaderReader:
    """Calls ``on_done(reader, header)`` once, or ``on_done(reader, error)`` when there will be none.

    The error is `ProxyProtocolError`, `TimeoutError` or an `OSError`. `connection` is the owner's again from then on.
    """

    __slots__ = ("_data", "_loop", "_on_done", "_timer", "connection")

    connection: socket.socket

    def __init__(
        self,
        connection: socket.socket,
        on_done: Callable[[ProxyHeaderReader, ProxyHeader | Exception], None],
        timeout: float = PROXY_TIMEOUT,
    ) -> None:
        connection.setblocking(False)
        self.connection = connection
        self._on_done = on_done
        self._data = b""
        io_loop = IOLoop.current()
        self._loop = io_loop.selector_loop
        self._loop.add_reader(connection.fileno(), self._readable)
        self._timer = io_loop.asyncio_loop.call_later(timeout, self._too_late)

    def _readable(self) -> None:
        try:
            while True:
                header = self._read()
                if header is not None:
                    self._end(header)
                    return
        except (BlockingIOError, InterruptedError):
            return
        except (ProxyProtocolError, OSError) as error:
            self._end(error)

    def _read(self) -> ProxyHeader | None:
        """Take what can be taken at once; the header when it is whole."""
        data = self._data
        if len(data) < SHORTEST:
            self._take(SHORTEST - len(data))
            if not (self._data.startswith(b"PROXY "[: len(self._data)]) or SIGNATURE.startswith(self._data[:12])):
                raise ProxyProtocolError(f"no PROXY header: it begins with {self._data!r}")
            return None
        if data.startswith(SIGNATURE):
            size = v2_size(data) if len(data) >= 16 else 16
            if len(data) < size:
                self._take(size - len(data))
                return None
            return parse_v2(data) if len(data) > 15 and len(data) == size else None
        if data.endswith(b"\n"):
            return parse_v1(data)
        if len(data) >= V1_LONGEST:
            raise ProxyProtocolError(f"no line end within {V1_LONGEST} bytes of a PROXY line")
        seen = self.connection.recv(V1_LONGEST - len(data), socket.MSG_PEEK)
        self._take(seen.find(b"\n") + 1 or len(seen))
        return None

    def _take(self, size: int) -> None:
        data = self.connection.recv(size) if size else b""
        if not data:
            raise ProxyProtocolError("the connection ended inside its PROXY header")
        self._data += data

    def _too_late(self) -> None:
        self._end(TimeoutError("no PROXY header came in time"))

    def close(self) -> None:
        """Give up and close the socket; nobody is told."""
        self._on_done = _nobody
        self._end(TimeoutError("given up"))
        self.connection.close()

    def _end(self, result: ProxyHeader | Exception) -> None:
        self._timer.cancel()
        self._loop.remove_reader(self.connection.fileno())
        self._on_done(self, result)


def _nobody(reader: ProxyHeaderReader, result: ProxyHeader | Exception) -> None:
    """For a reader whose result nobody wants."""
