"""The end of a topic as one process knows it."""

from __future__ import annotations

import asyncio

import pytest

from waterspout.pubsub._mirror import Mirror


def test_whoever_is_about_to_wait_when_the_hub_is_closed_is_cancelled_as_those_who_wait() -> None:
    async def main() -> None:
        mirror = Mirror(3)
        waiting = asyncio.create_task(mirror.changed(mirror.version))
        await asyncio.sleep(0)
        mirror.cancel()
        for wait in (waiting, mirror.changed(mirror.version)):
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(wait, 30)

    asyncio.run(main())
