"""What a coroutine may yield: futures, awaitables, lists and dictionaries of them, and nothing.

`convert_yielded` turns each into a future; `multi` waits for several at once. They are one subject,
since a list is converted by `multi` and `multi` converts its members. `waterspout.gen` is where they
are documented for users; they live here because the loop, which is below gen, needs them.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent import futures
from inspect import isawaitable
from typing import Any, Union

from waterspout.concurrent._futures import Future, chain_future
from waterspout.log import app_log

Yieldable = Union[None, Awaitable[Any], list[Any], dict[Any, Any], "futures.Future[Any]"]
QuietExceptions = type[BaseException] | tuple[type[BaseException], ...]


class BadYieldError(Exception):
    """A coroutine yielded something that cannot be waited for."""

    __module__ = "waterspout.gen"


class Moment:
    """The type of `moment`: always done, its result is None.

    It is no Future: a future that is done lets a coroutine go on at once, and to wait for the next
    turn of the loop is the whole purpose of this one.
    """

    __module__ = "waterspout.gen"
    __slots__ = ("__weakref__",)

    def done(self) -> bool:
        """Always true."""
        return True

    def result(self) -> None:
        """Always None."""
        return None


moment: Any = Moment()
"""Yield it in a `gen.coroutine` to let the loop run one turn; `yield None` is the same.

In an `async def`, `await asyncio.sleep(0)` does this.
"""


@functools.singledispatch
def convert_yielded(yielded: Any) -> Any:
    """The future for something that was yielded.

    Futures of both kinds are returned as they are, lists and dictionaries of yieldables become the
    future of all their results (`multi`), None becomes `moment`, and other awaitables are started
    as tasks of the current loop. Raises BadYieldError for everything else.

    ``convert_yielded.register(type)`` teaches it other types. The coroutine runner does not ask it
    about instances of asyncio.Future itself.
    """
    if isinstance(yielded, Future):
        return yielded
    if yielded is None or yielded is moment:
        return moment
    if isinstance(yielded, list | dict):
        return multi(yielded)
    if isinstance(yielded, futures.Future):
        return yielded
    if isawaitable(yielded):
        return asyncio.ensure_future(yielded)
    raise BadYieldError(f"yielded unknown object {yielded!r}")


def as_loop_future(yielded: Any) -> Any:
    """`convert_yielded`, but what comes is asyncio's Future or `moment`: its callbacks run in the loop.

    A concurrent future would run them in whichever thread completes it.
    """
    future = convert_yielded(yielded)
    if isinstance(future, futures.Future):
        in_loop: Future[Any] = Future()
        chain_future(future, in_loop)
        return in_loop
    return future


def multi(
    children: Sequence[Yieldable] | Mapping[Any, Yieldable] | Iterable[Yieldable],
    quiet_exceptions: QuietExceptions = (),
) -> Future[Any]:
    """Wait for several yieldables in parallel.

    `children` is a list (or another iterable) of them, or a dictionary with them as its values. The
    result is a list in the same order, or a dictionary with the same keys. It comes when all are
    done, also when some have failed. Then the first failure in order is raised; the others are
    logged unless they are of a type in `quiet_exceptions`, or cancellations.

    Cancelling the returned Future does not cancel the children (`asyncio.gather` does).
    """
    gathering = _Gathering(children, quiet_exceptions)
    gathering.start()
    return gathering.outcome


class _Gathering:
    """One call of `multi` on its way: counts its children down, then collects their results."""

    __slots__ = ("children", "keys", "outcome", "quiet", "waiting_for")

    def __init__(self, children: Any, quiet: QuietExceptions) -> None:
        self.keys: list[Any] | None = None
        if isinstance(children, Mapping):
            self.keys = list(children)
            children = children.values()
        self.children = [as_loop_future(child) for child in children]
        self.quiet = quiet
        self.outcome: Future[Any] = Future()
        # One more than there are children: nothing is collected before start() has seen them all.
        self.waiting_for = 1

    def start(self) -> None:
        one_is_done: Callable[[Any], None] = self.one_is_done
        for child in self.children:
            if not child.done():
                self.waiting_for += 1
                child.add_done_callback(one_is_done)
        one_is_done(None)

    def one_is_done(self, _: Any) -> None:
        self.waiting_for -= 1
        if self.waiting_for == 0:
            self.collect()

    def collect(self) -> None:
        outcome = self.outcome
        results = []
        for child in self.children:
            try:
                results.append(child.result())
            except (Exception, asyncio.CancelledError) as error:
                # A cancelled child is an exception here: nobody has cancelled the outcome itself.
                if not outcome.done():
                    outcome.set_exception(error)
                elif not isinstance(error, asyncio.CancelledError) and not isinstance(error, self.quiet):
                    app_log.error("Multiple exceptions in yield list", exc_info=error)
        if not outcome.done():
            outcome.set_result(results if self.keys is None else dict(zip(self.keys, results, strict=True)))
