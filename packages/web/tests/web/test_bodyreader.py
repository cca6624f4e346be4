"""A body at the pace of its reader."""

from __future__ import annotations

import asyncio

import pytest

from waterspout.iostream import StreamClosedError
from waterspout.web._bodyreader import BodyReader


def test_pieces_are_read_in_order_and_the_connection_waits_for_it() -> None:
    async def main() -> None:
        body = BodyReader()
        taken = body.data_received(b"one")
        assert not taken.done()
        assert await body.read() == b"one" and taken.done()
        reading = asyncio.ensure_future(body.read())
        await asyncio.sleep(0)
        body.data_received(b"two")
        assert await reading == b"two"
        body.end()
        assert await body.read() == b"" == await body.read()

    asyncio.run(main())


def test_iteration_ends_with_the_body() -> None:
    async def main() -> list[bytes]:
        body = BodyReader()
        body.data_received(b"one")
        body.data_received(b"two")
        body.end()
        return [piece async for piece in body]

    assert asyncio.run(main()) == [b"one", b"two"]


def test_a_client_that_leaves_ends_the_reading_with_an_error() -> None:
    async def main() -> None:
        body = BodyReader()
        reading = asyncio.ensure_future(body.read())
        await asyncio.sleep(0)
        body.lost()
        with pytest.raises(StreamClosedError):
            await reading
        with pytest.raises(StreamClosedError):
            await body.read()

    asyncio.run(main())


def test_what_came_before_the_end_can_be_read_after_the_client_left() -> None:
    async def main() -> None:
        body = BodyReader()
        taken = body.data_received(b"one")
        body.end()
        body.lost()
        assert taken.done() and [piece async for piece in body] == [b"one"]

    asyncio.run(main())


def test_two_readers_at_once_are_refused() -> None:
    async def main() -> None:
        body = BodyReader()
        reading = asyncio.ensure_future(body.read())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="being read already"):
            await body.read()
        body.data_received(b"x")
        assert await reading == b"x"

    asyncio.run(main())
