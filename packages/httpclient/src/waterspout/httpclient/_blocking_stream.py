"""Connections of a client without an event loop: a socket that waits where it has to."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import threading
from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any

from waterspout.httpclient._errors import HTTPTimeoutError, Phase
from waterspout.iostream import StreamClosedError

if TYPE_CHECKING:
    import ssl

    from waterspout.httpclient._url import URL

#: Bytes read at once.
READ_SIZE = 256 * 1024
#: Seconds that one address has before the next is tried, too (RFC 8305, 5: Connection Attempt Delay).
HEAD_START = 0.25


class BlockingStream:
    """What a `Connection` needs of a stream; `turn` does what there is to do.

    Nothing blocks but `turn`: what cannot be sent at once waits in the stream, so that a server which answers before
    it has read everything does not hang both sides.
    """

    __slots__ = ("_out", "_receiver", "socket")

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._out: list[memoryview] = []
        self._receiver: Any = None

    @property
    def pending(self) -> int:
        """Bytes that wait to be sent."""
        return sum(len(view) for view in self._out)

    def closed(self) -> bool:
        """Whether `close` was called, or the connection has broken."""
        return self.socket.fileno() < 0

    def set_receiver(self, receiver: Any) -> None:
        """*receiver* gets what arrives: ``data_received``, ``eof_received``, ``connection_lost``."""
        self._receiver = receiver

    def set_nodelay(self, value: bool) -> None:
        """Send small pieces at once."""
        if self.socket.family in (socket.AF_INET, socket.AF_INET6):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(value))

    def send(self, data: Any) -> None:
        """Send *data*, as far as it is possible now; the rest in `turn`. Raises `StreamClosedError`."""
        self.send_many((data,))

    def send_many(self, buffers: Iterable[Any]) -> None:
        """As `send`."""
        if self.closed():
            raise StreamClosedError
        self._out += [memoryview(buffer) for buffer in buffers if len(buffer)]
        try:
            self._send_some()
        except OSError as error:
            self.socket.close()
            raise StreamClosedError(real_error=error) from error

    def close(self) -> None:
        """Close now; nobody is told."""
        self._out.clear()
        self.socket.close()

    def break_off(self) -> None:
        """From another thread: let the one that waits in `turn` find the connection at its end."""
        with contextlib.suppress(OSError):
            # The socket's own method: that of one that carries TLS would take the TLS from under the other thread.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def turn(self, timeout: float | None) -> None:
        """Wait up to *timeout* seconds until something can be read or sent, and do it."""
        pending_tls = getattr(self.socket, "pending", None)
        if pending_tls is None or not pending_tls():
            poll = select.poll()
            poll.register(self.socket, select.POLLIN | (select.POLLOUT if self._out else 0))
            if not poll.poll(None if timeout is None else max(0.0, timeout) * 1000 + 1):
                return
        try:
            if self._out:
                self._send_some()
            data = self.socket.recv(READ_SIZE)
        except OSError as error:
            if not _would_block(error):
                self._lost(error)
            return
        if data:
            self._receiver.data_received(data)
        else:
            self._receiver.eof_received()
            if not self.closed():
                self._lost(None)

    def _send_some(self) -> None:
        while self._out:
            view = self._out[0]
            try:
                sent = self.socket.send(view)
            except OSError as error:
                if _would_block(error):
                    return
                raise
            if sent < len(view):
                self._out[0] = view[sent:]
            else:
                del self._out[0]

    def _lost(self, error: OSError | None) -> None:
        self.close()
        self._receiver.connection_lost(error)


def _would_block(error: OSError) -> bool:
    # TLS says in its own way that it waits for the other side, also where there was no OS error: ssl need not be here.
    return isinstance(error, (BlockingIOError, InterruptedError)) or type(error).__name__ in (
        "SSLWantReadError",
        "SSLWantWriteError",
    )


def connect(
    url: URL, context: ssl.SSLContext | None, timeout: float | None, family: int, allowed: Any = None
) -> socket.socket:
    """A socket connected to the server of *url*, its TLS handshake done, non-blocking, within *timeout* seconds.

    Raises OSError and its kin, `HTTPTimeoutError`.
    """
    until = None if timeout is None else monotonic() + timeout
    addresses = resolve(url, until, family)
    connected = _first_that_connects(addresses, until, url)
    if context is None:
        connected.setblocking(False)
        return connected
    try:
        connected.settimeout(_left(until, Phase.TLS, url))
        secured = context.wrap_socket(connected, server_hostname=url.server_name, suppress_ragged_eofs=False)
    except TimeoutError as error:
        connected.close()
        raise _timed_out(Phase.TLS, url) from error
    except BaseException:
        connected.close()
        raise
    secured.setblocking(False)
    return secured


def resolve(url: URL, until: float | None, family: int) -> list[Any]:
    """What `socket.getaddrinfo` says of the host of *url*; names are asked for in a thread, since it cannot be stopped.

    Raises `socket.gaierror`, `HTTPTimeoutError`.
    """
    flags = socket.AI_NUMERICHOST
    try:
        return socket.getaddrinfo(url.host, url.port, family, socket.SOCK_STREAM, 0, flags)
    except socket.gaierror:
        pass  # a name
    found: list[Any] = []
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(url.host, url.port, family, socket.SOCK_STREAM))
        except BaseException as error:
            failed.append(error)

    asking = threading.Thread(target=ask, name="HTTPClient resolver", daemon=True)
    asking.start()
    asking.join(_left(until, Phase.RESOLVE, url))
    if failed:
        raise failed[0]
    if not found:
        raise _timed_out(Phase.RESOLVE, url)
    return found


def _first_that_connects(addresses: list[Any], until: float | None, url: URL) -> socket.socket:
    """One after the other with a head start, the families in turn; whichever is there first (RFC 8305)."""
    todo = _families_in_turn(addresses)[::-1]
    under_way: dict[int, socket.socket] = {}
    error: OSError | None = None
    poll = select.poll()
    try:
        while todo or under_way:
            if todo:
                try:
                    attempt = _begin_connecting(todo.pop())
                except OSError as failure:
                    error = failure
                    continue
                under_way[attempt.fileno()] = attempt
                poll.register(attempt, select.POLLOUT)
            left = _left(until, Phase.CONNECT, url)
            if todo:
                left = HEAD_START if left is None else min(left, HEAD_START)
            for fd, _ in poll.poll(None if left is None else left * 1000 + 1):
                attempt = under_way.pop(fd)
                poll.unregister(fd)
                number = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not number:
                    return attempt
                attempt.close()
                error = OSError(number, os.strerror(number))
    finally:
        for other in under_way.values():
            other.close()
    assert error is not None
    raise error


def _begin_connecting(where: Any) -> socket.socket:
    family, kind, protocol, _, address = where
    attempt = socket.socket(family, kind, protocol)
    attempt.setblocking(False)
    number = attempt.connect_ex(address)
    if number not in (0, errno.EINPROGRESS):
        attempt.close()
        raise OSError(number, os.strerror(number))
    return attempt


def _families_in_turn(addresses: list[Any]) -> list[Any]:
    first = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    mixed = [address for pair in zip(first, others, strict=False) for address in pair]
    shorter = min(len(first), len(others))
    return mixed + first[shorter:] + others[shorter:]


def _left(until: float | None, phase: Phase, url: URL) -> float | None:
    if until is None:
        return None
    left = until - monotonic()
    if left <= 0:
        raise _timed_out(phase, url)
    return left


def _timed_out(phase: Phase, url: URL) -> HTTPTimeoutError:
    return HTTPTimeoutError(f"Timeout while {phase.value}: {url.scheme}://{url.authority}", phase=phase)
