"""add_accept_handler: a callback for each connection to a listening socket."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from waterspout.ioloop import IOLoop
from waterspout.log import app_log, gen_log

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable

#: Connections accepted in one go, before others have their turn: a burst of thousands must not starve those in work.
ACCEPTS_IN_A_ROW: Final = 128

#: Seconds without accepting after the process has run out of descriptors or memory.  The socket stays readable
#: meanwhile: going on would be a busy loop.
EXHAUSTED_PAUSE: Final = 1.0

#: The process or the system lacks something; the connection stays in the backlog.
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

#: The listening socket itself is unusable.
_BROKEN: Final = frozenset({errno.EBADF, errno.ENOTSOCK, errno.EINVAL, errno.EFAULT})


def add_accept_handler(sock: socket.socket, callback: Callable[[socket.socket, Any], object]) -> Callable[[], None]:
    """Call ``callback(connection, address)`` on the current loop for each connection to the listening ``sock``.

    Accepts all that wait, up to 128 at once.  A connection that failed before it was accepted is skipped; without free
    descriptors accepting pauses for a second, and the clients wait in the backlog.  An exception out of the callback is
    logged.  Returns a function that ends it and leaves ``sock`` open; it may be called twice.
    """
    acceptor = _Acceptor(sock, callback, IOLoop.current(), _accepting(sock))
    acceptor.listen()
    return acceptor.remove


add_accept_handler.__module__ = "waterspout.netutil"


def accept_descriptors(
    sock: socket.socket, callback: Callable[[list[tuple[int, Any]]], object], io_loop: IOLoop
) -> Callable[[], None] | None:
    """`add_accept_handler` that calls ``callback(arrivals)`` for all that waited, with the bare descriptor and the
    address of each.  It owns the descriptors: `socket_maker` makes sockets of them.

    None, and nothing is done, where only *sock* itself can accept: its class is no socket's, or has its own ``accept``.
    """
    accept = _plain_accept(sock)
    if accept is None:
        return None
    acceptor = _DescriptorAcceptor(sock, callback, io_loop, accept)
    acceptor.listen()
    return acceptor.remove


def socket_maker(sock: socket.socket) -> Callable[[int], socket.socket]:
    """What makes sockets of the descriptors that the listening *sock* accepts.

    Family, type and protocol are not looked up and converted for each of them.
    """
    return partial(_socket_class(), int(sock.family), int(sock.type), sock.proto)


def _plain_accept(sock: socket.socket) -> Callable[[], tuple[int, Any]] | None:
    accept: Callable[[], tuple[int, Any]] | None = getattr(sock, "_accept", None)
    # Something that only hands on to a socket (gunicorn's) has no ``accept`` in its class.
    return accept if getattr(type(sock), "accept", None) is _socket_class().accept else None


def _accepting(sock: socket.socket) -> Callable[[], tuple[socket.socket, Any]]:
    """``sock.accept``, by the short way where that is not somebody's own."""
    plain = _plain_accept(sock)
    if plain is None:
        return sock.accept
    make = socket_maker(sock)

    def accept() -> tuple[socket.socket, Any]:
        fd, address = plain()
        return make(fd), address

    return accept


def _socket_class() -> type[socket.socket]:
    import socket

    return socket.socket


class _Acceptor:
    __slots__ = ("accept", "callback", "io_loop", "pause", "removed", "sock")

    def __init__(
        self,
        sock: socket.socket,
        callback: Callable[..., object],
        io_loop: IOLoop,
        accept: Callable[[], tuple[Any, Any]],
    ) -> None:
        """*callback* is called with what *accept* gives."""
        self.sock = sock
        self.callback = callback
        self.io_loop = io_loop
        self.removed = False
        self.accept = accept
        self.pause: asyncio.TimerHandle | None = None

    def listen(self) -> None:
        self.pause = None
        if not self.removed:
            self.io_loop.selector_loop.add_reader(self.sock.fileno(), self.ready)

    def remove(self) -> None:
        if self.removed:
            return
        self.removed = True
        if self.pause is not None:
            self.pause.cancel()
        elif self.sock.fileno() >= 0 and not self.io_loop.asyncio_loop.is_closed():
            self.io_loop.selector_loop.remove_reader(self.sock.fileno())

    def ready(self) -> None:
        accept = self.accept
        for _ in range(ACCEPTS_IN_A_ROW):
            try:
                connection, address = accept()
            except OSError as error:
                if self.has_ended(error):
                    return
                continue
            try:
                self.callback(connection, address)
            except Exception:
                app_log.error("Error in connection callback", exc_info=True)
            if self.removed:
                return

    def has_ended(self, error: OSError) -> bool:
        """Whether no more can be accepted in this turn."""
        if isinstance(error, BlockingIOError | InterruptedError):
            return True
        if error.errno in _EXHAUSTED:
            self.wait_for_descriptors(error)
            return True
        if error.errno in _BROKEN:
            gen_log.error("Cannot accept on %r any more: %s", self.sock, error)
            self.remove()
            return True
        return False  # this client is gone already (Linux hands on its network errors here); the next one is not

    def wait_for_descriptors(self, error: OSError) -> None:
        gen_log.warning(
            "Cannot accept on %r: %s; trying again in %g s. Raise the limit (ulimit -n) or close connections.",
            self.sock,
            error,
            EXHAUSTED_PAUSE,
        )
        self.io_loop.selector_loop.remove_reader(self.sock.fileno())
        self.pause = self.io_loop.asyncio_loop.call_later(EXHAUSTED_PAUSE, self.listen)


class _DescriptorAcceptor(_Acceptor):
    """Its callback gets a list of all that are accepted in one go, and must not raise."""

    __slots__ = ()

    def ready(self) -> None:
        accept = self.accept
        arrivals: list[tuple[int, Any]] = []
        for _ in range(ACCEPTS_IN_A_ROW):
            try:
                arrivals.append(accept())
            except OSError as error:
                if self.has_ended(error):
                    break
        if arrivals:
            self.callback(arrivals)
