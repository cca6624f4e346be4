"""Futures that cost no more than an object as long as they are only awaited.

Most futures that an asynchronous function returns are awaited once, at once, and thrown away; many
are done before anyone looks. A real `asyncio.Future` is made for more: it belongs to a loop, which
has to be looked up (on Python 3.11 that is a system call), and keeps callbacks.

`LazyFuture` is a subclass that leaves asyncio's part of itself empty until somebody uses it as more
than an awaitable: adds a callback, asks for its loop, gives it to `asyncio.wait`. Then it becomes
the real thing, with whatever outcome it has by then. `isinstance(it, asyncio.Future)` is always true.

How it works: a plain Future.__new__ without Future.__init__ is a future without a loop, whose
`_loop` is None. Successful results are kept in `_value`; failures and cancellations, which are rare,
make it real first, so that asyncio's warning about exceptions that were never retrieved is there.
A task that awaits it waits for `_inner`, a plain Future, which tasks handle fastest.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Generator
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, TypeVar

_T = TypeVar("_T")

PENDING: Final[Any] = type("Pending", (), {"__slots__": (), "__repr__": lambda self: "<pending>"})()

_future_done = Future.done
_future_init = Future.__init__
_future_result = Future.result
_future_set_result = Future.set_result


class LazyFuture(Future[_T]):
    """A Future that is made real only when it is used as more than an awaitable.

    It behaves as asyncio.Future does, and belongs to the loop on which it became real.
    """

    __module__ = "waterspout.concurrent"
    __slots__ = ("_inner", "_value")

    def __init__(self) -> None:
        self._value: Any = PENDING
        self._inner: Future[None] | None = None

    def _become_real(self) -> None:
        """Let asyncio's part exist; every method that needs it calls this first."""
        if self._loop is None:
            _future_init(self)
            if self._value is not PENDING:
                _future_set_result(self, self._value)

    def _wake(self) -> None:
        """Let the tasks that await this look at it again."""
        inner = self._inner
        if inner is not None and not inner.done():
            inner.set_result(None)

    def _not_received(self) -> None:
        """The only task that waited was cancelled after the result came, and has not seen it.

        Whoever hands out things that must not get lost overrides this to take them back, by
        `_lose_result`.
        """

    def _failure_not_received(self) -> None:
        """The same for a failure, which others that wait may have seen."""

    def _lose_result(self) -> _T:
        """Give the result away and be cancelled instead."""
        value: _T = self._value
        self._value = PENDING
        self._become_real()
        super().cancel()
        return value

    def done(self) -> bool:
        """Whether there is an outcome."""
        return self._value is not PENDING or _future_done(self)

    def result(self) -> _T:
        """The result; raises the exception, CancelledError, or InvalidStateError if there is none yet."""
        if self._value is not PENDING:
            value: _T = self._value
            return value
        self._become_real()
        try:
            return _future_result(self)
        finally:
            # The exception leads to this frame, and self to the exception: a cycle.
            del self

    def exception(self) -> BaseException | None:
        """The exception, None if there is a result; raises as `result` does otherwise."""
        if self._value is not PENDING:
            return None
        self._become_real()
        return super().exception()

    def set_result(self, result: _T) -> None:
        """Complete with `result`; raises InvalidStateError if it is done."""
        if self._value is not PENDING or _future_done(self):
            raise asyncio.InvalidStateError(f"invalid state: {self!r}")
        self._value = result
        if self._loop is not None:
            _future_set_result(self, result)
        inner = self._inner
        if inner is not None and not inner.done():
            inner.set_result(None)

    def set_exception(self, exception: type | BaseException) -> None:
        """Fail with `exception`; raises InvalidStateError if it is done."""
        self._become_real()
        super().set_exception(exception)
        self._wake()

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel, unless it is done; returns whether it was cancelled by this call."""
        if self.done():
            return False
        self._become_real()
        super().cancel(msg)
        self._wake()
        return True

    def add_done_callback(self, fn: Callable[[Any], object], /, *, context: Context | None = None) -> None:
        """Have the loop call `fn` with this future when it is done."""
        self._become_real()
        super().add_done_callback(fn, context=context)

    def remove_done_callback(self, fn: Callable[[Any], object], /) -> int:
        """Take back all `fn` that were added; returns how many there were."""
        self._become_real()
        return super().remove_done_callback(fn)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that it belongs to: the current one, if it did not belong to any yet."""
        self._become_real()
        return super().get_loop()

    def __await__(self) -> Generator[Any, None, _T]:
        try:
            if self._value is PENDING and not _future_done(self):
                if self._inner is None:
                    self._inner = Future()
                else:
                    # The second who waits: from now on nothing can be taken back.
                    self._become_real()
                try:
                    yield from self._inner
                except asyncio.CancelledError:
                    # A task that is cancelled cancels the future that it waits for...
                    if not self.cancel():
                        # ...but this one was done. Were it real, others might have seen the result.
                        if self._loop is None:
                            self._not_received()
                        elif not self.cancelled() and self.exception() is not None:
                            # Asked for in any case, as by a task that waits for a Future: it is not unseen.
                            self._failure_not_received()
                    raise
            if self._value is PENDING:
                return _future_result(self)
            value: _T = self._value
            return value
        finally:
            # As in `result`.
            del self

    __iter__ = __await__

    def __repr__(self) -> str:
        if self._value is not PENDING:
            return f"<Future finished result={self._value!r}>"
        if self._loop is None:
            return "<Future pending>"
        return super().__repr__()


class ReadyFuture(LazyFuture[_T]):
    """A Future that is born with its result: the cheapest way to return one from a fast path."""

    __module__ = "waterspout.concurrent"
    __slots__ = ()

    def __init__(self, result: _T) -> None:
        self._value = result

    def __await__(self) -> Generator[Any, None, _T]:
        return self._value  # type: ignore[no-any-return]
        yield  # what makes this a generator, which is what `await` needs

    def __iter__(self) -> Generator[Any, None, _T]:
        return self.__await__()


class BlankReadyFuture(ReadyFuture[_T]):
    """A ReadyFuture whose maker sets ``_value`` himself, at once: for the few places where a call less shows.

    With a Python ``__init__``, or through ``__new__`` alone, making one takes half as long again.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def __init__(self) -> None: ...

    else:
        __init__ = object.__init__


class DoneFuture(ReadyFuture[None]):
    """A ReadyFuture whose result is None. It has no state at all: it never becomes real, nor belongs to a loop.

    So it does not matter if one that was thrown away is handed out again.
    """

    __slots__ = ()

    _value = None

    if TYPE_CHECKING:

        def __init__(self) -> None: ...

    else:
        __init__ = object.__init__

    # What `await` needs is an iterator that ends at once; that of an empty tuple is made without
    # running any Python.
    __await__ = __iter__ = staticmethod(().__iter__)  # type: ignore[assignment]

    def _become_real(self) -> None:
        raise asyncio.InvalidStateError(f"invalid state: {self!r}")  # only what would change it asks for that

    def add_done_callback(self, fn: Callable[[Any], object], /, *, context: Context | None = None) -> None:
        """Have the current loop call `fn` with this future."""
        self.get_loop().call_soon(fn, self, context=context)

    def remove_done_callback(self, fn: Callable[[Any], object], /) -> int:
        """0: none waits here."""
        return 0

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The current loop."""
        return asyncio.get_event_loop()
