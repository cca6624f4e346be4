"""Which IOLoop belongs to which asyncio loop, and which asyncio loop is this thread's.

An asyncio loop carries its IOLoop as an attribute, so that the two are freed together and no table has to be searched.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import warnings
import weakref
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from waterspout.ioloop._loop import IOLoop

#: The attribute by which an asyncio loop carries its IOLoop.
IOLOOP_ATTRIBUTE = "_waterspout_ioloop"


class LoopRegistry(Mapping[asyncio.AbstractEventLoop, "IOLoop"]):
    """The open asyncio loops that have an IOLoop, each with it.

    A view: the loops are remembered weakly, their IOLoops are the attribute that they carry.  Only loops that take no
    attributes are kept here with their IOLoop, until they are closed.
    """

    def __init__(self) -> None:
        self._loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()
        self._attributeless: dict[asyncio.AbstractEventLoop, IOLoop] = {}

    def attach(self, asyncio_loop: asyncio.AbstractEventLoop, io_loop: IOLoop) -> None:
        """Make ``io_loop`` the IOLoop of ``asyncio_loop``."""
        try:
            setattr(asyncio_loop, IOLOOP_ATTRIBUTE, io_loop)
            self._loops.add(asyncio_loop)
        except (AttributeError, TypeError):  # slots without __dict__ or without __weakref__
            for known in list(self._attributeless):
                if known.is_closed():
                    self._attributeless.pop(known, None)
            self._attributeless[asyncio_loop] = io_loop

    def detach(self, asyncio_loop: asyncio.AbstractEventLoop) -> None:
        """Forget the IOLoop of ``asyncio_loop``; nothing happens if it has none."""
        if self._attributeless.pop(asyncio_loop, None) is None:
            self._loops.discard(asyncio_loop)
            asyncio_loop.__dict__.pop(IOLOOP_ATTRIBUTE, None)

    def find(self, asyncio_loop: asyncio.AbstractEventLoop) -> IOLoop | None:
        """The IOLoop of ``asyncio_loop``, or None."""
        found: IOLoop | None = getattr(asyncio_loop, IOLOOP_ATTRIBUTE, None)
        if found is None and self._attributeless:
            found = self._attributeless.get(asyncio_loop)
        return found

    def __getitem__(self, asyncio_loop: asyncio.AbstractEventLoop) -> IOLoop:
        found = self.find(asyncio_loop)
        if found is None or asyncio_loop.is_closed():
            raise KeyError(asyncio_loop)
        return found

    def __iter__(self) -> Iterator[asyncio.AbstractEventLoop]:
        for loop in [*self._loops, *self._attributeless]:
            if not loop.is_closed():
                yield loop

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def pop(self, asyncio_loop: asyncio.AbstractEventLoop, default: Any = None) -> Any:
        """Remove and return the IOLoop of ``asyncio_loop``, or ``default``."""
        found = self.find(asyncio_loop)
        if found is None:
            return default
        self.detach(asyncio_loop)
        return found


def thread_event_loop() -> asyncio.AbstractEventLoop | None:
    """This thread's asyncio loop: the running one, else the one set for the thread, else None.  Never makes one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return _set_event_loop()


if sys.version_info >= (3, 14):

    def _set_event_loop() -> asyncio.AbstractEventLoop | None:
        try:
            return asyncio.get_event_loop()
        except RuntimeError:
            return None

elif sys.version_info >= (3, 12):

    def _set_event_loop() -> asyncio.AbstractEventLoop | None:
        # asyncio warns before it makes a loop that nobody asked for; the warning as an error keeps it from doing so.
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            try:
                return asyncio.get_event_loop()
            except (RuntimeError, DeprecationWarning):
                return None

else:

    def _set_event_loop() -> asyncio.AbstractEventLoop | None:
        # 3.11 makes a loop in silence, in the main thread if none was ever set.  Its policy knows whether one was.
        local = getattr(asyncio.get_event_loop_policy(), "_local", None)
        unset = getattr(local, "_loop", local) is None and not getattr(local, "_set_called", False)
        if unset and threading.current_thread() is threading.main_thread():
            return None
        try:
            return asyncio.get_event_loop()
        except RuntimeError:
            return None
