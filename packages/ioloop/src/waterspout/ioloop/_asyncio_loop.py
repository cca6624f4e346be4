"""The implementations of `IOLoop`: on an asyncio loop of its own, or on one that exists."""

from __future__ import annotations

import asyncio
from typing import Any

from waterspout.ioloop._callbacks import CallbackRunner
from waterspout.ioloop._current import thread_event_loop
from waterspout.ioloop._factory import LoopFactory, loop_factory
from waterspout.ioloop._loop import IOLoop
from waterspout.ioloop._selector import turn_of
from waterspout.ioloop._turn import CallSoonTurn, SelectorTurn


class SilentLoop:
    """Stands in for a loop that does not tell which thread runs it: uvloop's.

    asyncio's loops do.  To compare two thread identities is all that `IOLoop.add_callback` needs then;
    ``asyncio.get_running_loop`` asks the system for the process id at each call (Python 3.11), which costs more than
    all the rest.
    """

    _thread_id = None


class BaseAsyncIOLoop(IOLoop):
    """An IOLoop on the asyncio loop that it is given."""

    __module__ = "waterspout.platform.asyncio"

    selector_loop: asyncio.AbstractEventLoop
    turn: SelectorTurn | CallSoonTurn
    handlers: dict[int, tuple[Any, Any]]
    readers: set[int]
    writers: set[int]
    started: bool
    tells_once: bool

    def initialize(self, asyncio_loop: asyncio.AbstractEventLoop, **kwargs: Any) -> None:  # type: ignore[override]
        """Become the IOLoop of ``asyncio_loop``; RuntimeError if it has one, or is closed."""
        known = IOLoop._ioloop_for_asyncio.find(asyncio_loop)
        if known is not None:
            raise RuntimeError(f"IOLoop {known!r} already associated with asyncio loop {asyncio_loop!r}")
        self.asyncio_loop = asyncio_loop
        self.selector_loop = asyncio_loop
        if type(asyncio_loop).add_reader is asyncio.AbstractEventLoop.add_reader:  # Windows' proactor loop
            from waterspout.ioloop._selector_thread import AddThreadSelectorEventLoop  # for Windows

            self.selector_loop = AddThreadSelectorEventLoop(asyncio_loop)  # type: ignore[abstract]  # forwards all
        self.turn = turn_of(asyncio_loop)
        self.handlers = {}
        self.readers = set()
        self.writers = set()
        self.closing = False
        self.started = asyncio_loop.is_running()
        # libuv watches a descriptor no more once it has told of its failure; asyncio's own loops tell again.
        self.tells_once = not isinstance(asyncio_loop, asyncio.BaseEventLoop)
        self._running_on = asyncio_loop if hasattr(asyncio_loop, "_thread_id") else SilentLoop
        self._callbacks = CallbackRunner(self.add_callback)
        self._call_soon = asyncio_loop.call_soon
        self._guarded = self._callbacks.run
        self._guarded_plain = self._callbacks.run_plain
        IOLoop._ioloop_for_asyncio.attach(asyncio_loop, self)
        super().initialize(**kwargs)


class AsyncIOMainLoop(BaseAsyncIOLoop):
    """An IOLoop on this thread's asyncio loop: the running one, else the one set, else a new one."""

    __module__ = "waterspout.platform.asyncio"

    def initialize(  # type: ignore[override]
        self, *, loop_factory: str | LoopFactory | None = None, **kwargs: Any
    ) -> None:
        """Take this thread's asyncio loop, or make one by ``loop_factory``."""
        asyncio_loop = thread_event_loop()
        if asyncio_loop is None or asyncio_loop.is_closed():
            asyncio_loop = _make_loop(loop_factory)
        super().initialize(asyncio_loop, **kwargs)


class AsyncIOLoop(BaseAsyncIOLoop):
    """An IOLoop on an asyncio loop of its own, or on ``asyncio_loop`` if that is given. What ``IOLoop()`` makes."""

    __module__ = "waterspout.platform.asyncio"

    is_current: bool  #: it was made this thread's current loop
    old_asyncio: asyncio.AbstractEventLoop | None  #: the current loop before that

    def initialize(  # type: ignore[override]
        self,
        *,
        asyncio_loop: asyncio.AbstractEventLoop | None = None,
        loop_factory: str | LoopFactory | None = None,
        **kwargs: Any,
    ) -> None:
        """Make an asyncio loop by ``loop_factory``, unless ``asyncio_loop`` is given."""
        self.is_current = False
        self.old_asyncio = None
        if asyncio_loop is not None:
            super().initialize(asyncio_loop, **kwargs)
            return
        made = _make_loop(loop_factory)
        try:
            super().initialize(made, **kwargs)
        except BaseException:
            made.close()
            raise

    def close(self, all_fds: bool = False) -> None:
        """Close the loop; the one that was current before is current again."""
        if self.is_current:
            self._clear_current_hook()
        super().close(all_fds=all_fds)

    def _make_current(self) -> None:
        if not self.is_current:
            self.old_asyncio = thread_event_loop()
            self.is_current = True
        super()._make_current()

    def _clear_current_hook(self) -> None:
        if not self.is_current:
            super()._clear_current_hook()
            return
        before, self.old_asyncio, self.is_current = self.old_asyncio, None, False
        asyncio.set_event_loop(None if before is None or before.is_closed() else before)


def _make_loop(wanted: str | LoopFactory | None) -> asyncio.AbstractEventLoop:
    return loop_factory(wanted)()


IOLoop._implementation = AsyncIOLoop
IOLoop._main_implementation = AsyncIOMainLoop
IOLoop._implementation_base = BaseAsyncIOLoop
