"""``add_reader`` and ``add_writer`` for event loops that have none (Windows' proactor loop): select in a thread.

Theory of operation. The loop's thread owns the tables of callbacks. The helper thread sleeps until it is handed a
pair of lists of file descriptors, selects on them once, and posts what is ready to the loop, which calls the
callbacks and hands over the next pair. So the two never work at the same time on the same table, and a descriptor
that stays ready is reported once per turn, as by a real selector. A byte through a socket pair ends a select whose
lists have become out of date.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import select
import socket
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, TypeVarTuple

Ts = TypeVarTuple("Ts")

#: One question to the thread: file descriptors to watch for reading and for writing; None ends it.
Question = tuple[list[int], list[int]] | None


if TYPE_CHECKING:
    from typing import Protocol

    class _HasFileno(Protocol):
        def fileno(self) -> int: ...


def _number(fd: int | _HasFileno) -> int:
    return fd if isinstance(fd, int) else fd.fileno()


class SelectorThread:
    """``add_reader`` and its kin for ``real_loop``, by a thread that lives until `close` or the loop's shutdown."""

    __module__ = "waterspout.platform.asyncio"

    def __init__(self, real_loop: asyncio.AbstractEventLoop) -> None:
        self._loop = real_loop
        self._readers: dict[int, Callable[[], Any]] = {}
        self._writers: dict[int, Callable[[], Any]] = {}
        self._question: Question = None  # there is never more than one
        self._asked = threading.Semaphore(0)
        self._asking = False  # the thread has, or will have, a question to work on
        self._closed = False
        self._thread: threading.Thread | None = None
        self._lifeline: AsyncGenerator[None] | None = None
        self._waker_r, self._waker_w = socket.socketpair()
        self._waker_r.setblocking(False)
        self._waker_w.setblocking(False)
        self._readers[self._waker_r.fileno()] = self._drain_waker

    def add_reader(self, fd: int | _HasFileno, callback: Callable[..., Any], *args: Any) -> None:
        """Call ``callback(*args)`` whenever ``fd`` is readable; replaces what was set for it."""
        self._readers[_number(fd)] = functools.partial(callback, *args)
        self._changed()

    def add_writer(self, fd: int | _HasFileno, callback: Callable[..., Any], *args: Any) -> None:
        """Call ``callback(*args)`` whenever ``fd`` is writable; replaces what was set for it."""
        self._writers[_number(fd)] = functools.partial(callback, *args)
        self._changed()

    def remove_reader(self, fd: int | _HasFileno) -> bool:
        """Stop watching ``fd`` for reading; false if it was not watched."""
        return self._remove(self._readers, fd)

    def remove_writer(self, fd: int | _HasFileno) -> bool:
        """Stop watching ``fd`` for writing; false if it was not watched."""
        return self._remove(self._writers, fd)

    def close(self) -> None:
        """End the thread and wait for it; what was added is forgotten. May be called again."""
        if self._closed:
            return
        self._closed = True
        self._readers.clear()
        self._writers.clear()
        self._question = None
        self._asked.release()
        self._wake()
        if self._thread is not None:
            self._thread.join()
        self._waker_r.close()
        self._waker_w.close()

    def _remove(self, table: dict[int, Callable[[], Any]], fd: int | _HasFileno) -> bool:
        known = table.pop(_number(fd), None) is not None
        if known:
            self._changed()
        return known

    def _changed(self) -> None:
        if self._closed:
            raise RuntimeError("the selector thread is closed: its loop can watch no more files")
        if self._asking:
            self._wake()
        else:
            self._asking = True
            self._loop.call_soon_threadsafe(self._ask)

    def _ask(self) -> None:
        """Hand the thread the present lists (on the loop's thread)."""
        if self._closed:
            return
        if self._thread is None:
            # Before the thread: the loop's shutdown must not find a thread that nobody ends.
            self._lifeline = self._close_at_shutdown()
            task = self._loop.create_task(_start(self._lifeline))
            task.add_done_callback(lambda done: None if done.cancelled() else done.result())
            self._thread = threading.Thread(target=self._answer, name="waterspout selector", daemon=True)
            self._thread.start()
        self._question = (list(self._readers), list(self._writers))
        self._asked.release()

    def _answer(self) -> None:
        """The thread: one select for each question."""
        while self._asked.acquire() and (question := self._question) is not None:
            try:
                ready = _select(*question)
            except OSError:
                # A descriptor was closed before it was removed. The loop has removed it by the time it asks again;
                # report nothing, as a real selector would.
                ready = ([], [])
            try:
                self._loop.call_soon_threadsafe(self._dispatch, *ready)
            except RuntimeError:
                return  # the loop is closed

    def _dispatch(self, readable: list[int], writable: list[int]) -> None:
        if self._closed:
            return
        # A callback may remove others, so each is looked up when its turn comes.
        for table, fds in ((self._readers, readable), (self._writers, writable)):
            for fd in fds:
                callback = table.get(fd)
                if callback is not None:
                    self._loop.call_soon(self._call, table, fd, callback)
        self._loop.call_soon(self._ask)

    def _call(self, table: dict[int, Callable[[], Any]], fd: int, callback: Callable[[], Any]) -> None:
        if table.get(fd) is callback:
            callback()

    def _drain_waker(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._waker_r.recv(1024):
                continue

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # a full buffer wakes as well
            self._waker_w.send(b"x")

    async def _close_at_shutdown(self) -> AsyncGenerator[None]:
        # asyncio.run closes the asynchronous generators that were started on its loop: the one notice of its end that
        # a loop gives to others.
        try:
            yield
        finally:
            self.close()


async def _start(generator: AsyncGenerator[None]) -> None:
    await anext(generator)


def _select(readers: list[int], writers: list[int]) -> tuple[list[int], list[int]]:
    # Windows reports a failed connect as an exceptional condition, other systems as writable.
    exceptional = writers if sys.platform == "win32" else []
    readable, writable, failed = select.select(readers, writers, exceptional)
    return readable, [*writable, *(fd for fd in failed if fd not in writable)]


class AddThreadSelectorEventLoop(asyncio.AbstractEventLoop):
    """``real_loop`` with ``add_reader`` and its kin, by a `SelectorThread`; all else is the loop's own.

    `close` ends the thread and closes ``real_loop``.
    """

    __module__ = "waterspout.platform.asyncio"

    #: What is answered here; every other attribute is the real loop's.
    MY_ATTRIBUTES = frozenset(
        {"_real_loop", "_selector", "add_reader", "add_writer", "close", "remove_reader", "remove_writer"}
    )

    def __init__(self, real_loop: asyncio.AbstractEventLoop) -> None:
        self._real_loop = real_loop
        self._selector = SelectorThread(real_loop)

    def __getattribute__(self, name: str) -> Any:
        # Not __getattr__: AbstractEventLoop defines every method, to raise NotImplementedError.
        own = object.__getattribute__
        if name in own(self, "MY_ATTRIBUTES") or (name.startswith("__") and name.endswith("__")):
            return own(self, name)
        return getattr(own(self, "_real_loop"), name)

    def close(self) -> None:
        """End the thread, then close the real loop."""
        self._selector.close()
        self._real_loop.close()

    def add_reader(self, fd: Any, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        """As `asyncio.AbstractEventLoop.add_reader`."""
        self._selector.add_reader(fd, callback, *args)

    def add_writer(self, fd: Any, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        """As `asyncio.AbstractEventLoop.add_writer`."""
        self._selector.add_writer(fd, callback, *args)

    def remove_reader(self, fd: Any) -> bool:
        """As `asyncio.AbstractEventLoop.remove_reader`."""
        return self._selector.remove_reader(fd)

    def remove_writer(self, fd: Any) -> bool:
        """As `asyncio.AbstractEventLoop.remove_writer`."""
        return self._selector.remove_writer(fd)
