"""Questions that are asked until they are answered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from waterspout.pubsub import HubUnavailable
from waterspout.pubsub._requests import Requests


def why(what: str, error: Exception, key: str | None) -> str:
    if isinstance(error, OSError):
        return str(error) or "timed out"
    raise error


async def never() -> None:
    await asyncio.get_running_loop().create_future()


async def absent() -> None:
    raise ConnectionError("nobody there")


@pytest.fixture
def requests() -> Requests:
    requests = Requests("Oracle", "delphi:1")
    requests.begin()
    return requests


@pytest.mark.parametrize("call", [never, absent])
def test_patience_ends_whether_nobody_is_there_or_somebody_never_answers(requests: Requests, call: Any) -> None:
    async def main() -> None:
        with pytest.raises(
            HubUnavailable, match=r"could not ask the Oracle in 0\.2 s: no answer from delphi:1"
        ) as caught:
            await requests.ask("ask the", call, why, 0.2, "k")
        assert caught.value.key == "k" and not requests._limits

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize("call", [never, absent])
@pytest.mark.parametrize("is_opened_again", [False, True])
def test_what_is_out_when_the_hub_is_closed_fails_at_once_and_for_good(
    requests: Requests, call: Any, is_opened_again: bool
) -> None:
    async def main() -> None:
        asking = [asyncio.create_task(requests.ask("ask the", call, why, 3600, "k")) for _ in range(3)]
        await asyncio.sleep(0.2)
        requests.end()
        if is_opened_again:
            requests.begin()
        for each in await asyncio.gather(*asking, return_exceptions=True):
            assert isinstance(each, HubUnavailable) and each.key == "k"
            assert str(each) == "could not ask the Oracle at delphi:1: the hub was closed before the answer came"

    asyncio.run(asyncio.wait_for(main(), 60))


def test_what_is_out_is_asked_again_when_nobody_will_answer_it(requests: Requests) -> None:
    async def main() -> None:
        answers: list[asyncio.Future[int]] = []

        async def call() -> int:
            answers.append(asyncio.get_running_loop().create_future())
            return await answers[-1]

        asking = asyncio.create_task(requests.ask("ask the", call, why, 3600))
        for number in (1, 2):
            while len(answers) < number:  # noqa: ASYNC110 -- a list does not tell
                await asyncio.sleep(0.01)
            requests.repeat()
        while len(answers) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        answers[-1].set_result(42)
        assert await asking == 42

    asyncio.run(asyncio.wait_for(main(), 60))


def test_what_no_repetition_mends_is_raised_as_it_is(requests: Requests) -> None:
    async def wrong() -> None:
        raise LookupError("no such riddle")

    with pytest.raises(LookupError, match="no such riddle"):
        asyncio.run(requests.ask("ask the", wrong, why, 3600))
