"""`IOLoop`: Tornado's loop interface over an asyncio event loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import functools
import os
import signal
import time
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from threading import get_ident
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, overload

from waterspout.ioloop._callbacks import CallbackRunner
from waterspout.ioloop._current import LoopRegistry, thread_event_loop
from waterspout.ioloop._factory import LoopFactory
from waterspout.ioloop._turn import CallSoonTurn, SelectorTurn
from waterspout.util import Configurable, import_object

T = TypeVar("T")
get_running_loop = asyncio.get_running_loop


if TYPE_CHECKING:
    import datetime
    from typing import Protocol

    class HasFileno(Protocol):
        """A file-like object: a socket, a pipe."""

        def fileno(self) -> int:
            """Its file descriptor."""

        def close(self) -> Any:
            """Close it."""


Handler = Callable[[Any, int], Any]


class IOLoop(Configurable):
    """An I/O event loop: exactly one for each asyncio loop, and always running on one.

    ``IOLoop.current()`` is the loop of the running coroutine. ``IOLoop()`` makes a new asyncio loop,
    ``IOLoop(asyncio_loop=loop)`` wraps an existing one. Keywords:

    * ``make_current`` (default true): make it the current loop of this thread while none is running;
    * ``asyncio_loop``: wrap this loop. RuntimeError if it has an IOLoop already;
    * ``loop_factory``: how the asyncio loop is made: a callable, ``"asyncio"`` or ``"uvloop"``.

    All methods must be called on the loop's own thread, save `add_callback` and `add_callback_from_signal`.
    """

    __module__ = "waterspout.ioloop"

    NONE = 0
    READ = 0x001
    WRITE = 0x004
    ERROR = 0x018  #: error or hang-up; asyncio reports both as readable and writable

    #: The open asyncio loops that have an IOLoop, each with it.
    _ioloop_for_asyncio: ClassVar[LoopRegistry] = LoopRegistry()
    #: The class that ``IOLoop()`` makes, the one for a thread's own loop, and the base of all that can be configured.
    #: Set by the file that defines them.
    _implementation: ClassVar[type[IOLoop]]
    _main_implementation: ClassVar[type[IOLoop]]
    _implementation_base: ClassVar[type[IOLoop]]

    asyncio_loop: asyncio.AbstractEventLoop  #: the loop that this one runs on
    selector_loop: asyncio.AbstractEventLoop  #: the same, or what gives it ``add_reader`` where it has none
    turn: SelectorTurn | CallSoonTurn  #: shared receive buffer, and the list of what is flushed at the end of the turn
    handlers: dict[int, tuple[Any, Handler]]  #: by file descriptor: the file, and its handler
    readers: set[int]  #: the file descriptors watched for reading through `add_handler`
    writers: set[int]
    closing: bool  #: `close` was called
    started: bool  #: it has run; a fork must come before that
    tells_once: bool  #: it does not repeat that a descriptor has failed, while there is still something to read from it
    fork_refusal: str | None = None  #: why there must be no fork any more, for the error of who tries

    _callbacks: CallbackRunner
    _running_on: Any  #: its ``_thread_id`` is that of the thread that runs the loop now, None if it does not tell
    # Bound methods, the loop's and the runner's, made once and not for each callback.
    _call_soon: Callable[..., asyncio.Handle]
    _guarded: Callable[..., None]
    _guarded_plain: Callable[[Callable[[], Any]], None]

    # ---- which loop

    @classmethod
    def configurable_base(cls) -> type[Configurable]:
        """`IOLoop`."""
        return IOLoop

    @classmethod
    def configurable_default(cls) -> type[Configurable]:
        """``platform.asyncio.AsyncIOLoop``."""
        return IOLoop._implementation

    @classmethod
    def configure(cls, impl: None | str | type[Configurable], **kwargs: Any) -> None:
        """Set the class that ``IOLoop()`` makes, and keywords for it: ``configure(None, loop_factory="uvloop")``.

        RuntimeError if the class does not run on asyncio (is no subclass of ``platform.asyncio.BaseAsyncIOLoop``).
        """
        if isinstance(impl, str):
            impl = import_object(impl)
        if isinstance(impl, type) and not issubclass(impl, IOLoop._implementation_base):
            raise RuntimeError(f"an IOLoop must run on asyncio: {impl!r} is no subclass of BaseAsyncIOLoop")
        super().configure(impl, **kwargs)

    @overload
    @staticmethod
    def current() -> IOLoop: ...

    @overload
    @staticmethod
    def current(instance: Literal[True]) -> IOLoop: ...

    @overload
    @staticmethod
    def current(instance: bool) -> IOLoop | None: ...

    @staticmethod
    def current(instance: bool = True) -> IOLoop | None:
        """The IOLoop of the running asyncio loop; without a running one, that of the loop set for this thread.

        If there is none, one is made (and made current), or None is returned if ``instance`` is false.
        """
        try:
            found: IOLoop = get_running_loop()._waterspout_ioloop  # type: ignore[attr-defined]
        except (RuntimeError, AttributeError):
            return _find_or_make(instance)
        return found

    @staticmethod
    def instance() -> IOLoop:
        """`current`, under its name of old."""
        return IOLoop.current()

    def make_current(self) -> None:
        """Make this the loop that `current` returns on this thread while no loop is running.

        Deprecated: a running loop is always current.
        """
        warnings.warn("make_current is deprecated; start the event loop first", DeprecationWarning, stacklevel=2)
        self._make_current()

    def install(self) -> None:
        """`make_current`, under its name of old."""
        self.make_current()

    @staticmethod
    def clear_current() -> None:
        """Leave this thread without a current loop. Deprecated, as `make_current`."""
        warnings.warn("clear_current is deprecated", DeprecationWarning, stacklevel=2)
        IOLoop._clear_current()

    @staticmethod
    def clear_instance() -> None:
        """`clear_current`, under its name of old."""
        IOLoop.clear_current()

    @staticmethod
    def _clear_current() -> None:
        found = IOLoop.current(instance=False)
        if found is not None:
            found._clear_current_hook()

    def _make_current(self) -> None:
        asyncio.set_event_loop(self.asyncio_loop)

    def _clear_current_hook(self) -> None:
        asyncio.set_event_loop(None)

    def initialize(self, make_current: bool = True) -> None:
        """Called by the constructor: become current, unless a loop runs on this thread or it is not wanted."""
        if make_current:
            self._make_current()

    # ---- running

    def start(self) -> None:
        """Run until `stop` is called. RuntimeError if a loop runs on this thread, or this one on another."""
        self.started = True
        self.asyncio_loop.run_forever()
        self.turn.flush()  # what the last turn queued leaves now, not when the loop is started again

    def stop(self) -> None:
        """Make `start` return at the end of this turn; before `start`, it will return after one turn."""
        self.asyncio_loop.stop()

    def run_sync(self, func: Callable[[], Any], timeout: float | None = None) -> Any:
        """Start the loop, call ``func``, await what it returns, stop the loop; returns the result.

        TimeoutError after ``timeout`` seconds, in which case the future is cancelled (and may clean up first);
        RuntimeError if the loop was stopped or the future cancelled before it was done; ``gen.BadYieldError`` if
        ``func`` returns something that is neither None nor awaitable.
        """
        from waterspout.ioloop._run_sync import run_sync  # of two ways to start a loop, a program needs one

        return run_sync(self, func, timeout)

    @classmethod
    def run(
        cls,
        main: Callable[[], Awaitable[Any] | None] | Coroutine[Any, Any, Any],
        *,
        loop_factory: str | LoopFactory | None = None,
        debug: bool | None = None,
        signals: Iterable[signal.Signals] = (signal.SIGINT, signal.SIGTERM),
        tune_gc: bool = False,
    ) -> Any:
        """Run ``main`` (a coroutine, or a function that may return an awaitable) on a new loop; returns its result.

        At one of ``signals`` (SIGINT and SIGTERM) ``main`` is cancelled, so that its ``finally`` clauses run, and
        None is returned without a traceback; a second one acts as it would without us. In another thread than the
        main one there are no signals. At the end all other tasks are cancelled, asynchronous generators and the default
        executor shut down, and the loop is closed.

        ``loop_factory`` is as for the constructor; ``debug`` is asyncio's. ``tune_gc`` sets the garbage collector
        up for very many connections while ``main`` runs. RuntimeError if a loop is running on this thread.
        """
        from waterspout.ioloop._run import run

        keywords = {} if loop_factory is None else {"loop_factory": loop_factory}

        def make_loop() -> asyncio.AbstractEventLoop:
            made: IOLoop = cls(make_current=False, **keywords)
            made.started = True
            return made.asyncio_loop

        return run(main, make_loop, debug=debug, signals=signals, tune_gc=tune_gc)

    def close(self, all_fds: bool = False) -> None:
        """Close the loop and free what it holds; ``all_fds``: also the files of all handlers that are still there.

        RuntimeError if it is running. `add_callback` is without effect afterwards.
        """
        self.closing = True
        self._callbacks.abandon()
        for fd, (fileobj, _) in list(self.handlers.items()):
            self.remove_handler(fd)
            if all_fds:
                self.close_fd(fileobj)
        if self.selector_loop is not self.asyncio_loop:
            self.selector_loop.close()
        self.asyncio_loop.close()
        IOLoop._ioloop_for_asyncio.detach(self.asyncio_loop)

    # ---- files

    def add_handler(self, fd: int | HasFileno, handler: Handler, events: int) -> None:
        """Call ``handler(fd, events)`` whenever ``fd`` (an integer, or a file-like object) is ready.

        ``events`` is made of READ and WRITE; ERROR is always reported, as one of the two. The handler gets what was
        given as ``fd``. ValueError if it has a handler already: see `update_handler`.
        """
        number, fileobj = self.split_fd(fd)
        if number in self.handlers:
            raise ValueError(f"file descriptor {number} has a handler already: use update_handler")
        self.handlers[number] = (fileobj, handler)
        self._watch(number, events)

    def update_handler(self, fd: int | HasFileno, events: int) -> None:
        """Change which events the handler of ``fd`` is called for; KeyError if it has none."""
        number, _ = self.split_fd(fd)
        if number not in self.handlers:
            raise KeyError(f"file descriptor {number} has no handler: use add_handler")
        self._watch(number, events)

    def remove_handler(self, fd: int | HasFileno) -> None:
        """Stop watching ``fd``; nothing happens if it has no handler."""
        number, _ = self.split_fd(fd)
        if number in self.handlers:
            self._watch(number, 0)
            del self.handlers[number]

    def _watch(self, number: int, events: int) -> None:
        fileobj, handler = self.handlers[number]
        loop = self.selector_loop
        for event, watched, add, remove in (
            (self.READ, self.readers, loop.add_reader, loop.remove_reader),
            (self.WRITE, self.writers, loop.add_writer, loop.remove_writer),
        ):
            if events & event and number not in watched:
                add(number, self._guarded, handler, fileobj, event)
                watched.add(number)
            elif not events & event and number in watched:
                remove(number)
                watched.discard(number)

    def split_fd(self, fd: int | HasFileno) -> tuple[int, int | HasFileno]:
        """The file descriptor's number, and ``fd`` itself."""
        return (fd, fd) if isinstance(fd, int) else (fd.fileno(), fd)

    def close_fd(self, fd: int | HasFileno) -> None:
        """Close a file descriptor or file-like object; one that is closed already is left alone."""
        with contextlib.suppress(OSError):  # what cannot be closed is not open any more
            if isinstance(fd, int):
                os.close(fd)
            else:
                fd.close()

    # ---- time

    def time(self) -> float:
        """Now, on the scale that `add_timeout` and `call_at` take: ``time.time()``."""
        return time.time()

    def add_timeout(
        self, deadline: float | datetime.timedelta, callback: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> asyncio.TimerHandle:
        """Call ``callback`` once at ``deadline`` (a time as of `time`, or a timedelta from now).

        Returns a handle for `remove_timeout`. TypeError if the deadline is neither.
        """
        # By their methods: to import datetime and numbers for their names takes as long as all our own files.
        if hasattr(deadline, "total_seconds"):
            return self.call_later(deadline.total_seconds(), callback, *args, **kwargs)
        if hasattr(deadline, "__float__"):
            return self.call_at(float(deadline), callback, *args, **kwargs)
        raise TypeError(f"Unsupported deadline {deadline!r}: give a number of seconds (as of time()) or a timedelta")

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.TimerHandle:
        """Call ``callback`` at the absolute time ``when`` (as of `time`); returns a handle for `remove_timeout`."""
        return self.call_later(max(0.0, when - self.time()), callback, *args, **kwargs)

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.TimerHandle:
        """Call ``callback`` in ``delay`` seconds; returns a handle for `remove_timeout`."""
        if kwargs:
            callback = functools.partial(callback, **kwargs)
        if args:
            return self.asyncio_loop.call_later(delay, self._guarded, callback, *args)
        return self.asyncio_loop.call_later(delay, self._guarded_plain, callback)

    def remove_timeout(self, timeout: asyncio.TimerHandle) -> None:
        """Cancel what `add_timeout`, `call_at` or `call_later` returned; it may have run already."""
        timeout.cancel()

    # ---- callbacks

    def add_callback(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call ``callback`` in the next turn; if it returns an awaitable, that runs, too.

        May be called from any thread. An exception is logged on ``app_log``. On a closed loop nothing happens.
        """
        if kwargs:
            callback = functools.partial(callback, **kwargs)
        if self._running_on._thread_id == get_ident() or _is_running(self.asyncio_loop):
            if args:
                self._call_soon(self._guarded, callback, *args)
            else:
                self._call_soon(self._guarded_plain, callback)
            return
        try:
            self.asyncio_loop.call_soon_threadsafe(self._guarded, callback, *args)
        except RuntimeError:
            if not self.asyncio_loop.is_closed():
                raise

    def spawn_callback(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """`add_callback`: nobody waits for the result; an exception is logged."""
        self.add_callback(callback, *args, **kwargs)

    def add_callback_from_signal(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call ``callback`` in the next turn; for use in handlers set by `signal.signal`.

        Deprecated: use ``asyncio_loop.add_signal_handler``.
        """
        warnings.warn("add_callback_from_signal is deprecated", DeprecationWarning, stacklevel=2)
        callback = functools.partial(callback, *args, **kwargs)
        try:
            self.asyncio_loop.call_soon_threadsafe(self._guarded, callback)
        except RuntimeError:
            if not self.asyncio_loop.is_closed():
                raise

    def add_future(
        self, future: asyncio.Future[T] | concurrent.futures.Future[T], callback: Callable[[Any], Any]
    ) -> None:
        """Call ``callback(future)`` on this loop when ``future`` (asyncio's or concurrent's) is done."""
        self._callbacks.when_done(future, callback)

    def run_in_executor(
        self, executor: concurrent.futures.Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Call ``func(*args)`` in ``executor`` (None: the default one, threads); returns a future of its result.

        A thread sees the caller's context variables.
        """
        if executor is None or isinstance(executor, concurrent.futures.ThreadPoolExecutor):
            return self.asyncio_loop.run_in_executor(executor, contextvars.copy_context().run, func, *args)
        return self.asyncio_loop.run_in_executor(executor, func, *args)

    def set_default_executor(self, executor: concurrent.futures.Executor) -> None:
        """Set what `run_in_executor` uses when it is given None: a ThreadPoolExecutor."""
        self.asyncio_loop.set_default_executor(executor)

    def statistics(self) -> dict[str, int]:
        """Counts of what the loop looks after now, and of the flushes it made."""
        return {
            "handlers": len(self.handlers),
            "background": len(self._callbacks.background),
            "dirty": len(self.turn.dirty),
            "flushes": self.turn.flushes,
            "tasks": 0 if self.asyncio_loop.is_closed() else len(asyncio.all_tasks(self.asyncio_loop)),
        }


def _is_running(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether ``loop`` runs on this very thread."""
    try:
        return get_running_loop() is loop
    except RuntimeError:
        return False


def _find_or_make(instance: bool) -> IOLoop | None:
    asyncio_loop = thread_event_loop()
    if asyncio_loop is not None and not asyncio_loop.is_closed():
        found = IOLoop._ioloop_for_asyncio.find(asyncio_loop)
        if found is None and instance:
            found = IOLoop._main_implementation(make_current=False)
        return found
    if not instance:
        return None
    if IOLoop.configured_class() is IOLoop._implementation:
        _, keywords = IOLoop._save_configuration()
        made: IOLoop = IOLoop._main_implementation(**keywords or {})
    else:
        made = IOLoop()  # the application has chosen a class of its own
    return made
