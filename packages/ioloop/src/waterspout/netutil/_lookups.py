"""LookUps: the name lookups of one loop, in a few threads of their own.

The system's resolver blocks, for half a minute where a name server is silent, and cannot be stopped. In the loop's
default executor a handful of such names would keep everybody waiting who wants a thread for anything. Here

* lookups have threads of their own, `THREADS` at most;
* a host is asked for once at a time, however many want to know: one that is slow holds one thread;
* `WAITING` hosts may wait for a thread, then there is an error at once (EAI_AGAIN);
* a lookup that has not begun is dropped when nobody waits for it any more, and the threads end when none is left.

A loop that has a ``getaddrinfo`` of its own (uvloop's) is asked itself, the second and third rule apply.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from waterspout.ioloop import IOLoop

THREADS: Final = 10
WAITING: Final = 1000

Found = list[tuple[Any, ...]]
Key = tuple[str, Any, int]

_ATTRIBUTE: Final = "_waterspout_lookups"


class LookUp:
    """One that is under way: its future, and how many wait for it."""

    __slots__ = ("future", "waiting", "work")

    def __init__(self, future: asyncio.Future[Found], work: Future[Found] | None) -> None:
        self.future = future
        self.work = work
        self.waiting = 0


class LookUps:
    """See the module's docstring; `lookups_of` gives that of a loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._under_way: dict[Key, LookUp] = {}
        self._threads: ThreadPoolExecutor | None = None

    async def find(self, host: str, port: Any, family: int) -> Found:
        """What ``socket.getaddrinfo`` says, for streams. socket.gaierror; UnicodeError for what cannot be a name."""
        # Numbers of ports change nothing in what is asked.
        key = (host, 0 if isinstance(port, int) else port, family)
        lookup = self._under_way.get(key)
        if lookup is None:
            if len(self._under_way) >= THREADS + WAITING:
                raise socket.gaierror(
                    socket.EAI_AGAIN, f"{len(self._under_way)} names are being looked up already, try again later"
                )
            lookup = self._begin(key)
        lookup.waiting += 1
        try:
            found = await asyncio.shield(lookup.future)
        finally:
            lookup.waiting -= 1
            if not lookup.waiting and lookup.work is not None and lookup.work.cancel():
                self._under_way.pop(key, None)  # it had not begun
        return [_with_port(entry, port) for entry in found] if isinstance(port, int) else found

    def statistics(self) -> dict[str, int]:
        """``names`` being looked up, and coroutines ``waiting`` for them."""
        return {
            "names": len(self._under_way),
            "waiting": sum(lookup.waiting for lookup in self._under_way.values()),
        }

    def _begin(self, key: Key) -> LookUp:
        host, port, family = key
        loop = self._loop
        work: Future[Found] | None = None
        if getattr(loop.getaddrinfo, "__func__", None) is asyncio.BaseEventLoop.getaddrinfo:
            if self._threads is None:
                from concurrent.futures import ThreadPoolExecutor  # brings threads

                self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="waterspout-names")
            work = self._threads.submit(_ask, host, port, family)
            future: asyncio.Future[Found] = asyncio.wrap_future(work, loop=loop)
        else:
            future = asyncio.ensure_future(loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM))
        lookup = self._under_way[key] = LookUp(future, work)
        future.add_done_callback(lambda done: self._ended(key, lookup, done))
        return lookup

    def _ended(self, key: Key, lookup: LookUp, done: asyncio.Future[Found]) -> None:
        if self._under_way.get(key) is lookup:
            del self._under_way[key]
        if not done.cancelled():
            done.exception()  # those who wait have it; perhaps nobody does any more
        if not self._under_way and self._threads is not None:
            # Idle threads would outlive the loop. Beside a question to a name server, to start one costs nothing.
            self._threads.shutdown(wait=False)
            self._threads = None


def _ask(host: str, port: Any, family: int) -> Found:
    return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)


def _with_port(entry: tuple[Any, ...], port: int) -> tuple[Any, ...]:
    if entry[0] not in (socket.AF_INET, socket.AF_INET6):
        return entry
    address = entry[4]
    return (*entry[:4], (address[0], port, *address[2:]))


def lookups_of(io_loop: IOLoop) -> LookUps:
    """The one of ``io_loop``, which lives as long as that."""
    found: LookUps | None = getattr(io_loop, _ATTRIBUTE, None)
    if found is None:
        found = LookUps(io_loop.asyncio_loop)
        setattr(io_loop, _ATTRIBUTE, found)
    return found
