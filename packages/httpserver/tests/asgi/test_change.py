"""`Change`: all who wait hear of it, whoever gives up."""

from __future__ import annotations

import asyncio

from waterspout.asgi._change import Change


async def waiting(change: Change, count: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(change.wait()) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


def test_all_who_wait_are_woken_and_who_comes_later_waits_for_the_next() -> None:
    async def main() -> None:
        change = Change()
        change.tell()  # nobody waits: it is not kept
        early = await waiting(change, 3)
        change.tell()
        change.tell()
        late = await waiting(change, 1)
        await asyncio.gather(*early)
        assert not late[0].done()
        change.tell()
        await late[0]

    asyncio.run(main())


def test_one_that_gives_up_does_not_stop_the_others() -> None:
    async def main() -> None:
        change = Change()
        one, other = await waiting(change, 2)
        one.cancel()
        await asyncio.wait({one})
        assert one.cancelled() and not other.done()
        change.tell()
        await other

    asyncio.run(main())
