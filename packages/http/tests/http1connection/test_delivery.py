"""Messages reach their delegate part by part, at its pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.http1 import Data, EndOfMessage, RequestReader
from waterspout.http1connection._delivery import Delivery
from waterspout.httputil import HTTPHeaders, HTTPInputError, HTTPMessageDelegate


class Notes(HTTPMessageDelegate):
    """Notes what it is given; a method named in *raising* raises, one in *waiting* waits for `go`."""

    def __init__(self, raising: str = "", waiting: str = "") -> None:
        self.log: list[Any] = []
        self.raising, self.waiting = raising, waiting
        self.go: asyncio.Future[None] | None = None

    def _note(self, name: str, entry: Any) -> Any:
        self.log.append(entry)
        if name == self.raising:
            raise ValueError(name)
        if name == self.waiting:
            self.go = asyncio.get_running_loop().create_future()
            return self.go
        return None

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> Any:
        return self._note("headers", start_line.path)

    def data_received(self, chunk: bytes) -> Any:
        return self._note("data", chunk)

    def finish(self) -> None:
        self._note("finish", "finish")

    def on_connection_close(self) -> None:
        self._note("lost", "lost")


def request() -> Any:
    (head,) = RequestReader().receive(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
    return head


def run(test: Callable[[list[Any]], Any]) -> list[Any]:
    done: list[Any] = []

    async def main() -> None:
        result = test(done)
        if result is not None:
            await result

    asyncio.run(main())
    return done


def delivery(notes: Notes, done: list[Any], chunk_size: int | None = None, limit: int = 100) -> Delivery:
    def check_size(size: int, announced: bool) -> None:
        assert announced
        notes.log.append(size)
        if size > limit:
            raise HTTPInputError("too long", status=413)

    return Delivery(notes, chunk_size, check_size, done.append, lambda: done.append("resumed"))


def test_everything_at_once_where_nothing_waits() -> None:
    notes = Notes()
    assert run(lambda done: delivery(notes, done, 4).deliver([request(), Data(b"abcdef"), EndOfMessage()])) == [None]
    assert notes.log == ["/p", 9, b"abcd", b"ef", "finish"]


@pytest.mark.parametrize("method", ["headers", "data"])
def test_what_follows_an_awaitable_waits_for_it(method: str) -> None:
    notes = Notes(waiting=method)

    async def scenario(done: list[Any]) -> None:
        way = delivery(notes, done)
        way.deliver([request(), Data(b"a")])
        assert way.waiting is not None
        seen = len(notes.log)
        way.deliver([Data(b"b"), EndOfMessage()])
        assert len(notes.log) == seen
        while way.waiting is not None:
            assert notes.go is not None
            notes.go.set_result(None)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    done = run(scenario)
    assert notes.log == ["/p", 9, b"a", b"b", "finish"]
    assert done[0] is None and done[-1] == "resumed"


@pytest.mark.parametrize("method", ["headers", "data", "finish"])
def test_an_exception_ends_the_delivery_and_the_delegate_hears_of_it(method: str) -> None:
    notes = Notes(raising=method)
    done = run(lambda done: delivery(notes, done).deliver([request(), Data(b"a"), EndOfMessage()]))
    assert [type(entry) for entry in done] == [ValueError]
    assert notes.log[-1] == "lost" and notes.log.count("lost") == 1


def test_an_exception_in_what_was_waited_for_ends_the_delivery() -> None:
    notes = Notes(waiting="data")

    async def scenario(done: list[Any]) -> None:
        delivery(notes, done).deliver([request(), Data(b"a"), Data(b"b")])
        assert notes.go is not None
        notes.go.set_exception(ValueError("late"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    done = run(scenario)
    assert [type(entry) for entry in done] == [ValueError] and notes.log == ["/p", 9, b"a", "lost"]


def test_an_abandoned_delegate_hears_of_it_once_and_nothing_more() -> None:
    notes = Notes(waiting="data")

    async def scenario(done: list[Any]) -> None:
        way = delivery(notes, done)
        way.deliver([request(), Data(b"a"), Data(b"b")])
        way.abandon()
        way.abandon()
        assert notes.go is not None
        notes.go.set_exception(ValueError("nobody waits for this"))
        await asyncio.sleep(0)

    assert run(scenario) == [] and notes.log == ["/p", 9, b"a", "lost"]


@pytest.mark.parametrize("waiting", ["headers", ""])
def test_what_is_longer_than_allowed_is_not_handed_on(waiting: str) -> None:
    notes = Notes(waiting=waiting)

    async def scenario(done: list[Any]) -> None:
        delivery(notes, done, limit=8).deliver([request(), Data(b"a")])
        if waiting:
            assert notes.log == ["/p"] and notes.go is not None
            notes.go.set_result(None)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    done = run(scenario)
    assert type(done[0]) is HTTPInputError and notes.log == ["/p", 9, "lost"]
