"""TCPClient: from a host's name to a connected stream."""

from __future__ import annotations

import asyncio
import datetime
import socket
from typing import TYPE_CHECKING, Any

from waterspout.iostream import IOStream
from waterspout.netutil import Resolver
from waterspout.netutil._unix import unix_path
from waterspout.tcpclient._race import connect_first, open_socket, written

if TYPE_CHECKING:
    import ssl
    from types import TracebackType
    from typing import Self

    from waterspout.iostream import SSLIOStream


class TCPClient:
    """Connects to servers: resolves the name, tries the addresses, begins TLS.

    ``resolver`` is the one to use; by default a ``Resolver()`` of its own, which `close` closes.
    """

    __module__ = "waterspout.tcpclient"

    resolver: Resolver

    def __init__(self, resolver: Resolver | None = None) -> None:
        self._own_resolver = resolver is None
        self.resolver = Resolver() if resolver is None else resolver
        self._attempted = self._connected = self._failed = 0

    def close(self) -> None:
        """Close the resolver, if it is the client's own.  Streams stay open."""
        if self._own_resolver:
            self.resolver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def connect(
        self,
        host: str,
        port: int,
        af: socket.AddressFamily = socket.AF_UNSPEC,
        ssl_options: dict[str, Any] | ssl.SSLContext | None = None,
        max_buffer_size: int | None = None,
        source_ip: str | None = None,
        source_port: int | None = None,
        timeout: float | datetime.timedelta | None = None,
        *,
        server_hostname: str | None = None,
    ) -> IOStream:
        """Connect to ``host`` (a name, an IP address or ``"unix:/path"``) and return the stream.

        * ``af`` restricts the addresses to one family.
        * ``ssl_options`` (an ``ssl.SSLContext``, or a dict as for ``netutil.ssl_options_to_context``) makes it an
          `SSLIOStream` whose handshake is complete.  ``server_hostname`` is the name in the certificate, if not
          ``host``.
        * ``source_ip`` and ``source_port`` are where the connection comes from.
        * ``timeout`` (seconds, or a timedelta) bounds all of it: TimeoutError then says what was going on.

        OSError of some kind if it fails: socket.gaierror if the name is unknown, StreamClosedError if no address
        answers (``real_error`` is the system's), ``ssl.SSLError`` if the handshake fails.  Each names the host.
        """
        if isinstance(timeout, datetime.timedelta):
            timeout = timeout.total_seconds()
        self._attempted += 1
        phase = f"while resolving {host}"
        try:
            async with asyncio.timeout(timeout):
                path = unix_path(host)
                if path is None:
                    name = f"{host}:{port}"
                    places = await self.resolver.resolve(host, port, af)
                else:
                    name = host
                    places = [(socket.AF_UNIX, path)]
                phase = f"while connecting to {name} ({', '.join(written(address) for _, address in places)})"

                def open_stream(family: int) -> IOStream:
                    if family == getattr(socket, "AF_UNIX", None):
                        return IOStream(open_socket(family, None, None), max_buffer_size=max_buffer_size)
                    return IOStream(open_socket(family, source_ip, source_port), max_buffer_size=max_buffer_size)

                stream = await connect_first(places, open_stream, name)
                if ssl_options is not None:
                    phase = f"during TLS handshake with {name}"
                    handshake: asyncio.Future[SSLIOStream] | None = None
                    try:
                        handshake = stream.start_tls(
                            False, ssl_options=ssl_options, server_hostname=server_hostname or host
                        )
                        stream = await handshake
                    except BaseException:
                        stream.close()  # ``ssl_options`` that are none leave it open
                        if handshake is not None and handshake.done() and not handshake.cancelled():
                            if handshake.exception() is None:  # complete in the very turn of a cancellation
                                handshake.result().close()
                        raise
        except TimeoutError as error:
            self._failed += 1
            if error.errno is not None or timeout is None:  # the system's own ETIMEDOUT, or the handshake's
                raise
            raise TimeoutError(f"Timeout {phase}") from error
        except BaseException:
            self._failed += 1
            raise
        self._connected += 1
        return stream

    def statistics(self) -> dict[str, int]:
        """How often `connect` was ``attempted``, ``connected`` and ``failed``."""
        return {"attempted": self._attempted, "connected": self._connected, "failed": self._failed}
