"""`CaresResolver`: c-ares on the event loop."""

from __future__ import annotations

import asyncio
import functools
import socket
from typing import Any

from waterspout.concurrent import Future
from waterspout.ioloop import IOLoop
from waterspout.netutil import Resolver
from waterspout.netutil._addresses import literal_address

try:
    import pycares
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "CaresResolver needs the package pycares: pip install 'waterspout-ioloop[cares]'", name="pycares"
    ) from error

#: "No descriptor" for c-ares: only look whether something has timed out.
NO_SOCKET = -1


class CaresResolver(Resolver):
    """Asks the name servers itself, on the loop that is current when it is made, with no thread for each question.

    It reads ``/etc/hosts`` and ``/etc/resolv.conf`` but not the rest of the system's configuration (nsswitch, mDNS):
    what it finds may differ from what other programs find. Keywords are `pycares.Channel`'s, for example ``servers``.
    """

    __module__ = "waterspout.platform.caresresolver"

    io_loop: IOLoop
    channel: Any  #: the `pycares.Channel`
    fds: dict[int, int]  #: the sockets of c-ares, and the events that it waits for on each

    def initialize(self, **options: Any) -> None:
        """Open the channel to the name servers."""
        self.io_loop = IOLoop.current()
        self.fds = {}
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: set[Future[Any]] = set()
        try:
            self.channel = pycares.Channel(sock_state_cb=self._socket_changed, **options)
            self._own_sockets = True
        except TypeError:  # pycares 5 has an event thread of its own and asks nobody to watch its sockets
            self.channel = pycares.Channel(**options)
            self._own_sockets = False

    def close(self) -> None:
        """End all questions that are under way (they fail) and close the sockets. May be called again."""
        if self._closed:
            return
        self._closed = True
        self.channel.cancel()
        if hasattr(self.channel, "close"):
            self.channel.close()
        for fd in list(self.fds):
            self._socket_changed(fd, False, False)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        """As `Resolver.resolve`."""
        literal = literal_address(host, port, family)
        if literal is not None:
            return literal
        if self._closed:
            raise RuntimeError("the resolver is closed")
        answered: Future[tuple[Any, int | None]] = self.io_loop.asyncio_loop.create_future()
        self._waiting.add(answered)
        try:
            self.channel.getaddrinfo(
                host,
                port,
                callback=functools.partial(self._answered, answered),
                family=family,
                type=socket.SOCK_STREAM,
            )
            self._schedule()
            result, error = await answered
        finally:
            self._waiting.discard(answered)
        if error is not None:
            raise socket.gaierror(socket.EAI_NONAME, f"cannot resolve {host!r}: {_reason(error)}")
        return [(node.family, _address(node)) for node in result.nodes]

    def _answered(self, future: Future[Any], result: Any, error: int | None) -> None:
        # Perhaps in a thread of pycares, perhaps inside the call that asked.
        self.io_loop.add_callback(_complete, future, (result, error))

    def _socket_changed(self, fd: int, readable: bool, writable: bool) -> None:
        events = (IOLoop.READ if readable else 0) | (IOLoop.WRITE if writable else 0)
        if not events:
            if self.fds.pop(fd, None) is not None:
                self.io_loop.remove_handler(fd)
        elif fd in self.fds:
            self.fds[fd] = events
            self.io_loop.update_handler(fd, events)
        else:
            self.fds[fd] = events
            self.io_loop.add_handler(fd, self._socket_ready, events)

    def _socket_ready(self, fd: int, events: int) -> None:
        self._process(fd if events & IOLoop.READ else NO_SOCKET, fd if events & IOLoop.WRITE else NO_SOCKET)

    def _process(self, readable: int, writable: int) -> None:
        self.channel.process_fd(readable, writable)
        self._schedule()

    def _schedule(self) -> None:
        """Look again when c-ares wants to repeat a question or give one up."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._own_sockets and self._waiting:
            seconds = self.channel.timeout()
            if seconds >= 0:
                self._timer = self.io_loop.call_later(max(seconds, 0.001), self._process, NO_SOCKET, NO_SOCKET)


def _complete(future: Future[Any], outcome: tuple[Any, int | None]) -> None:
    if not future.done():
        future.set_result(outcome)


def _reason(error: int) -> str:
    text = pycares.errno.strerror(error)
    return text.decode() if isinstance(text, bytes) else str(text)


def _address(node: Any) -> tuple[Any, ...]:
    host, *rest = node.addr
    return (host.decode() if isinstance(host, bytes) else host, *rest)
