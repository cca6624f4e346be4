"""WaitIterator: several futures, each as soon as it is done."""

from __future__ import annotations

from asyncio import Future
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from waterspout.concurrent import LazyFuture, as_loop_future, chain_future, future_add_done_callback


class _Next(LazyFuture[Any]):
    """What `next` returns; the result of one that was cancelled too late to stop it comes again."""

    __slots__ = ("_given", "_iterator")

    def __init__(self, iterator: WaitIterator) -> None:
        super().__init__()
        self._iterator = iterator
        self._given: tuple[int | str, Any] | None = None

    def _not_received(self) -> None:
        assert self._given is not None
        self._lose_result()
        self._iterator._take_back(self._given)

    def _failure_not_received(self) -> None:
        assert self._given is not None
        self._iterator._take_back(self._given)


class WaitIterator:
    """Gives the results of awaitables in the order in which they are done::

        waiting = gen.WaitIterator(first, second)
        while not waiting.done():
            try:
                result = await waiting.next()
            except Exception as error:
                print(f"Error {error} from {waiting.current_future}")
            else:
                print(f"Result {result} from {waiting.current_index}")

    Take the awaitables all by position or all by keyword. `current_future` is the one that the last
    result came from, `current_index` its position or keyword. ``async for`` gives the results as
    well, but ends at the first exception. Raises ValueError if there are both kinds of arguments.
    """

    __module__ = "waterspout.gen"

    current_index: int | str | None = None
    current_future: Future[Any] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError("You must provide args or kwargs, not both")
        self._arrived: deque[tuple[int | str, Any]] = deque()
        self._to_give = len(args) + len(kwargs)
        self._asked: _Next | None = None
        indexed: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
        for index, awaitable in indexed:
            self._watch(index, as_loop_future(awaitable))

    def _watch(self, index: int | str, future: Any) -> None:
        future_add_done_callback(future, lambda done: self._has_arrived(index, done))

    def done(self) -> bool:
        """Whether `next` has nothing more to give; `current_index` and `current_future` are None then."""
        if self._to_give:
            return False
        self.current_index = self.current_future = None
        return True

    def next(self) -> Future[Any]:
        """A Future of the next result; it is none of those given to the constructor.

        Call it again only when that is done. Raises RuntimeError if all results have been given.
        """
        if not self._to_give:
            raise RuntimeError("WaitIterator has no more results: call next() only while done() is false")
        self._asked = asked = _Next(self)
        self._give()
        return asked

    def _has_arrived(self, index: int | str, future: Any) -> None:
        self._arrived.append((index, future))
        self._give()

    def _give(self) -> None:
        """Bring together what has arrived and who has asked."""
        asked = self._asked
        if asked is None or asked.done() or not self._arrived:
            return
        self._asked = None
        self._to_give -= 1
        asked._given = self._arrived.popleft()
        self.current_index, self.current_future = _, future = asked._given
        if isinstance(future, Future):
            chain_future(future, asked)
        else:
            asked.set_result(future.result())

    def _take_back(self, arrival: tuple[int | str, Any]) -> None:
        self._to_give += 1
        self._arrived.appendleft(arrival)
        self._give()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    def __anext__(self) -> Future[Any]:
        if not self._to_give:
            # Python awaits what __anext__ returns: raising here is what ends the loop.
            raise StopAsyncIteration
        return self.next()
