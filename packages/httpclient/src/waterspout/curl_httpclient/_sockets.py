"""libcurl's sockets in the event loop.

Theory of operation. libcurl begins and ends to watch its socket with every transfer, which a loop's add_reader and
remove_reader make dear. Where there is epoll the sockets therefore sit in a poll object of our own, which the loop
watches as one descriptor: whatever is ready in a turn of the loop comes in one piece.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable

from waterspout.curl_httpclient._library import pycurl

#: Called with what is ready: pairs of a descriptor and CSELECT flags.
Ready = Callable[[list[tuple[int, int]]], None]


class EpollSockets:
    """Sockets in an epoll object."""

    __slots__ = ("_epoll", "_fds", "_flags", "_loop", "_ready")

    def __init__(self, loop: asyncio.AbstractEventLoop, ready: Ready) -> None:
        self._loop = loop
        self._ready = ready
        self._fds: set[int] = set()
        self._epoll = select.epoll()
        self._flags = {select.EPOLLIN: pycurl.CSELECT_IN, select.EPOLLOUT: pycurl.CSELECT_OUT}
        loop.add_reader(self._epoll.fileno(), self._look)

    def watch(self, fd: int, wanted: int) -> None:
        """Watch *fd* for what *wanted* says, POLL_IN or POLL_OUT or both; 0: not at all."""
        if not wanted:
            if fd in self._fds:
                self._fds.discard(fd)
                self._epoll.unregister(fd)
            return
        mask = (select.EPOLLIN if wanted & pycurl.POLL_IN else 0) | (select.EPOLLOUT if wanted & pycurl.POLL_OUT else 0)
        if fd in self._fds:
            self._epoll.modify(fd, mask)
        else:
            self._fds.add(fd)
            self._epoll.register(fd, mask)

    def close(self) -> None:
        """Watch nothing any more."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _look(self) -> None:
        flags = self._flags
        # Errors and hang-ups are for libcurl to find where it reads.
        self._ready(
            [
                (fd, flags[event] if event in flags else _flags_of(event))
                for fd, event in self._epoll.poll(0, max(1, len(self._fds)))
            ]
        )


def _flags_of(event: int) -> int:
    flags: int = pycurl.CSELECT_OUT if event & select.EPOLLOUT else 0
    if event & ~select.EPOLLOUT:
        flags |= pycurl.CSELECT_IN
    return flags


class LoopSockets:
    """Sockets that the loop itself watches."""

    __slots__ = ("_loop", "_ready", "_wanted")

    def __init__(self, loop: asyncio.AbstractEventLoop, ready: Ready) -> None:
        self._loop = loop
        self._ready = ready
        self._wanted: dict[int, int] = {}

    def watch(self, fd: int, wanted: int) -> None:
        """As `EpollSockets.watch`."""
        loop = self._loop
        before = self._wanted.pop(fd, 0)
        if wanted:
            self._wanted[fd] = wanted
        if wanted & pycurl.POLL_IN and not before & pycurl.POLL_IN:
            loop.add_reader(fd, self._ready, [(fd, pycurl.CSELECT_IN)])
        elif before & pycurl.POLL_IN and not wanted & pycurl.POLL_IN:
            loop.remove_reader(fd)
        if wanted & pycurl.POLL_OUT and not before & pycurl.POLL_OUT:
            loop.add_writer(fd, self._ready, [(fd, pycurl.CSELECT_OUT)])
        elif before & pycurl.POLL_OUT and not wanted & pycurl.POLL_OUT:
            loop.remove_writer(fd)

    def close(self) -> None:
        """Watch nothing any more."""
        for fd in list(self._wanted):
            self.watch(fd, 0)


def sockets_for(loop: asyncio.AbstractEventLoop, ready: Ready) -> EpollSockets | LoopSockets:
    """The better of the two for this platform."""
    return EpollSockets(loop, ready) if hasattr(select, "epoll") else LoopSockets(loop, ready)
