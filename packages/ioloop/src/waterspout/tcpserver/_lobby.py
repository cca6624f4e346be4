"""Lobby: accepted connections whose clients have not said anything yet.

Most of what a connection costs when it is accepted (socket object, stream, whatever serves it) is of no use before its
client speaks, and thousands may connect at once. Here they are bare descriptors in a selector of their own (epoll),
which is itself watched by the loop as one descriptor: so it works on any loop that watches descriptors. What the client
sends stays in the kernel until the connection is served.
"""

from __future__ import annotations

import os
import select
from math import inf
from typing import TYPE_CHECKING, Any, Final

from waterspout.ioloop import Deadlines

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from waterspout.ioloop import IOLoop

    Maker = Callable[[int], socket.socket]
    #: How to make a socket of the descriptor, the client's address, when it came (on the scale of the loop's time).
    Waiting = dict[int, tuple[Maker, Any, float]]

#: Whether there is one on this platform (Linux).
POSSIBLE: Final = hasattr(select, "epoll")

#: Those that are called in within one turn of the loop, before others have theirs.
CALLED_AT_ONCE: Final = 128

_SPOKEN: Final = getattr(select, "EPOLLIN", 0)


class Lobby:
    """Calls ``serve(pairs)`` with socket and address of those whose clients have sent something, or have left.

    It owns the descriptors that it holds. Who has said nothing after *patience* seconds is closed without a word.
    """

    __slots__ = ("_deadlines", "_ending", "_epoll", "_io_loop", "_patience", "_serve", "deadline", "waiting")

    waiting: Waiting  #: by descriptor, those that have waited longest first
    deadline: float  #: for `Deadlines`

    def __init__(
        self,
        io_loop: IOLoop,
        serve: Callable[[list[tuple[socket.socket, Any]]], object],
        patience: float,
        waiting: Waiting,
    ) -> None:
        """*waiting* is where it keeps them: its maker may count them there."""
        self.waiting = waiting
        self.deadline = inf
        self._io_loop = io_loop
        self._serve = serve
        self._patience = patience
        self._ending = False
        self._deadlines = Deadlines(io_loop, max(0.02, min(1.0, patience / 4)))
        self._epoll = select.epoll()
        io_loop.selector_loop.add_reader(self._epoll.fileno(), self._called)

    def enter(self, fd: int, address: Any, make: Maker) -> None:
        """Wait for the first byte on *fd*. An OSError of the kernel's leaves *fd* with the caller."""
        self._epoll.register(fd, _SPOKEN)
        waiting = self.waiting
        if not waiting:
            self.deadline = self._deadlines.now + self._patience
            self._deadlines.watch(self)
        waiting[fd] = (make, address, self._deadlines.coarse_now)

    def _called(self) -> None:
        self._take_out([fd for fd, _ in self._epoll.poll(0, CALLED_AT_ONCE)])

    def serve_all(self) -> None:
        """Have all served now, whether they have spoken or not."""
        self._take_out(list(self.waiting))

    def _take_out(self, descriptors: list[int]) -> None:
        unregister, pop = self._epoll.unregister, self.waiting.pop
        called = []
        for fd in descriptors:
            unregister(fd)
            make, address, _ = pop(fd)
            called.append((make(fd), address))
        self._end_if_empty()
        self._serve(called)

    def deadline_passed(self) -> None:
        """Some have said nothing for so long that they are closed."""
        before = self._deadlines.coarse_now - self._patience
        late = []
        for fd, (_, _, since) in self.waiting.items():
            if since > before:
                self.deadline = since + self._patience
                self._deadlines.watch(self)
                break
            late.append(fd)
        for fd in late:
            del self.waiting[fd]
            self._epoll.unregister(fd)  # closing it is not enough where a forked child holds a copy
            os.close(fd)
        self._end_if_empty()

    def close_all(self) -> None:
        """Close all that wait."""
        for fd in self.waiting:
            self._epoll.unregister(fd)
            os.close(fd)
        self.waiting.clear()
        self._end_if_empty()

    def end_when_empty(self) -> None:
        """No more will come."""
        self._ending = True
        self._end_if_empty()

    def _end_if_empty(self) -> None:
        if self._ending and not (self.waiting or self._epoll.closed):
            self._deadlines.close()
            if not self._io_loop.asyncio_loop.is_closed():
                self._io_loop.selector_loop.remove_reader(self._epoll.fileno())
            self._epoll.close()

    def __del__(self) -> None:
        # The loop was closed, and nobody has stopped the server: a bare descriptor has nobody else to close it.
        if not self._epoll.closed:
            self._epoll.close()
            for fd in self.waiting:
                os.close(fd)
            self.waiting.clear()
