"""The hub in memory behind the interface of shared hubs, and what an address stands for."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from waterspout.log import set_worker
from waterspout.pubsub import LocalHub, Lost, SharedHub, connect


def test_it_publishes_polls_and_subscribes_as_the_others_do() -> None:
    async def main() -> None:
        async with connect("memory:", keep=2) as hub:
            assert isinstance(hub, SharedHub) and isinstance(hub, LocalHub)
            waiting = asyncio.create_task(hub.poll("t", 0))
            await asyncio.sleep(0)
            assert hub.statistics() == {"topics": 1, "waiting": 1}
            first = await hub.publish("t", 1, key="k")
            assert await hub.publish("t", "again", key="k") == first
            assert await waiting == [first]
            got: list[Any] = []
            async for message in hub.subscribe("t", 0):
                got.append(message.data)
                if len(got) == 2:
                    break
                await hub.publish("t", 2)
            assert got == [1, 2] and await hub.cursor("t") == 2
            await hub.publish("t", 3)
            with pytest.raises(Lost):
                await hub.history("t", 0)

    asyncio.run(asyncio.wait_for(main(), 60))


def opened_in(number: int | None, caplog: pytest.LogCaptureFixture) -> list[str]:
    async def main() -> None:
        async with connect("memory:"):
            pass

    set_worker(number)
    try:
        asyncio.run(main())
    finally:
        set_worker(None)
    return [record.getMessage() for record in caplog.records]


def test_the_first_of_several_workers_warns_that_messages_stay_in_one(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = opened_in(0, caplog)
    assert "several workers" in line and 'connect("redis://HOST")' in line and "\n" not in line


@pytest.mark.parametrize("number", [None, 1, 7])
def test_nobody_else_does(caplog: pytest.LogCaptureFixture, number: int | None) -> None:
    assert opened_in(number, caplog) == []


def test_so_does_the_first_child_of_fork_processes(tmp_path: Path) -> None:
    program = tmp_path / "forks.py"
    program.write_text(
        "import asyncio\nfrom waterspout.process import fork_processes\nfrom waterspout.pubsub import connect\n"
        "async def main():\n    async with connect(): pass\n"
        "fork_processes(3)\nasyncio.run(main())\n"
    )
    ended = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0 and ended.stderr.count("several workers") == 1, ended.stderr


@pytest.mark.parametrize("url", ["", "amqp://x", "localhost:6379"])
def test_an_address_that_stands_for_nothing_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no hub for"):
        connect(url)
