"""Lobby: connections that are seldom heard: those that have not said anything yet, and those that have spoken once.

Most of what a connection costs when it is accepted (socket object, stream, whatever serves it) is of no use before its
client speaks, and thousands may connect at once. Here they are bare descriptors in a selector of their own (epoll),
which is itself watched by the loop as one descriptor: so it works on any loop that watches descriptors. What the client
sends stays in the kernel until the connection is served.

A stream that has been served once may come back to rest. To watch a descriptor costs a loop several objects and ten
times as much as it costs here, and many clients ask once. Who speaks again is the loop's from then on.

Each descriptor is watched for one event at a time (EPOLLONESHOT): who has spoken is silent here until it rests, without
being taken out. So what a forked child holds a copy of, or somebody has closed beneath its stream, is told of once at
most, and then found to be unknown, or to have nothing to read.
"""

from __future__ import annotations

import os
import select
from math import inf
from typing import TYPE_CHECKING, Any, Final

from waterspout.ioloop import Deadlines
from waterspout.log import app_log

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from waterspout.ioloop import IOLoop
    from waterspout.iostream._resting import RestingStream

    Maker = Callable[[int], socket.socket]
    #: How to make a socket of the descriptor, the client's address, when it came (on the scale of the loop's time).
    Waiting = dict[int, tuple[Maker, Any, float]]

#: Whether there is one on this platform (Linux).
POSSIBLE: Final = hasattr(select, "epoll")

#: Those that are called in within one turn of the loop, before others have theirs.
CALLED_AT_ONCE: Final = 128

_SPOKEN: Final = getattr(select, "EPOLLIN", 0) | getattr(select, "EPOLLONESHOT", 0)


class Lobby:
    """Calls ``serve(pairs)`` with socket and address of those whose clients have sent something, or have left.

    It owns the descriptors in *waiting*. Who has said nothing after *patience* seconds is closed without a word.
    For streams it is a `RestingPlace`.
    """

    __slots__ = (
        "_deadlines",
        "_ending",
        "_epoll",
        "_io_loop",
        "_patience",
        "_resting",
        "_serve",
        "_watched",
        "deadline",
        "waiting",
    )

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
        self._resting: dict[int, RestingStream] = {}
        self._io_loop = io_loop
        self._serve = serve
        self._patience = patience
        self._ending = self._watched = False
        self._deadlines = Deadlines(io_loop, max(0.02, min(1.0, patience / 4)))
        self._epoll = select.epoll()
        io_loop.selector_loop.add_reader(self._epoll.fileno(), self._called)

    def enter(self, arrivals: list[tuple[int, Any]], make: Maker) -> int:
        """Wait for the first byte on these descriptors, which come with their clients' addresses.

        Returns how many were taken in: fewer if the system watches no more, none after `end_when_empty`.  The others
        are still the caller's.
        """
        if self._ending or not arrivals:
            return 0
        if not self._watched:  # it stays so when all have left, since the next ones may come at once
            self._watch(self._deadlines.now + self._patience)
        register, waiting, now = self._epoll.register, self.waiting, self._deadlines.coarse_now
        count = 0
        try:
            for fd, address in arrivals:
                register(fd, _SPOKEN)
                waiting[fd] = (make, address, now)
                count += 1
        except OSError as error:  # its memory, or a limit for each user
            app_log.warning("Cannot let a connection wait: %s", error)
        return count

    def rest(self, stream: RestingStream) -> bool:
        """See `RestingPlace`; it takes those that have waited here."""
        fd = stream.fileno()
        try:
            self._epoll.modify(fd, _SPOKEN)
        except (OSError, ValueError):  # it was not here, or the lobby has closed
            return False
        self._resting[fd] = stream
        return True

    def leave(self, stream: RestingStream) -> None:
        """See `RestingPlace`."""
        resting = self._resting
        fd = stream.fileno()
        if resting.get(fd) is not stream:  # its socket was closed by somebody else: the number may be another's by now
            fd = next((number for number, other in resting.items() if other is stream), -1)
        resting.pop(fd, None)
        if self._ending:
            self._end_if_empty()

    def _called(self) -> None:
        pop, find = self.waiting.pop, self._resting.get
        served, heard = [], []
        for fd, _ in self._epoll.poll(0, CALLED_AT_ONCE):
            waited = pop(fd, None)
            if waited is not None:
                served.append((waited[0](fd), waited[1]))
            elif (stream := find(fd)) is not None:
                heard.append(stream)
        if served:
            self._serve(served)
        for stream in heard:
            if stream.resting:  # else it was closed by what another one has said
                self._epoll.unregister(stream.fileno())
                stream.wake()
        if self._ending:
            self._end_if_empty()

    def serve_all(self) -> None:
        """Have all served now, whether they have spoken or not."""
        waiting = list(self.waiting.items())
        self.waiting.clear()
        self._serve([(make(fd), address) for fd, (make, address, _) in waiting])
        if self._ending:
            self._end_if_empty()

    def deadline_passed(self) -> None:
        """Some have said nothing for so long that they are closed."""
        self._watched = False
        before = self._deadlines.coarse_now - self._patience
        late = []
        for fd, (_, _, since) in self.waiting.items():
            if since > before:
                self._watch(since + self._patience)
                break
            late.append(fd)
        for fd in late:
            del self.waiting[fd]
            self._close(fd)
        self._end_if_empty()

    def _watch(self, deadline: float) -> None:
        self.deadline = deadline
        self._watched = True
        self._deadlines.watch(self)

    def close_all(self) -> None:
        """Close all that wait."""
        for fd in self.waiting:
            self._close(fd)
        self.waiting.clear()
        self._end_if_empty()

    def _close(self, fd: int) -> None:
        self._epoll.unregister(fd)  # closing it is not enough where a forked child holds a copy
        os.close(fd)

    def end_when_empty(self) -> None:
        """No more will come."""
        self._ending = True
        self._end_if_empty()

    def _end_if_empty(self) -> None:
        if self._ending and not (self.waiting or self._resting or self._epoll.closed):
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
