"""What is sent to those who look on: made once a second, however many they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from waterspout.web.status._histogram import Histogram
from waterspout.web.status._numbers import Numbers, Sample
from waterspout.web.status._routes import Route

__all__ = ["Feed"]

MAX_VIEWERS = 20
#: Routes in the table.
SHOWN_ROUTES = 10


class Feed:
    """Events with the state of *numbers*, as JSON."""

    def __init__(self, numbers: Numbers) -> None:
        self.viewers = 0
        self._numbers = numbers
        self._turn = -1
        self._text = ""

    @contextmanager
    def viewer(self) -> Iterator[bool]:
        """Whether one more may look on; until the end of the block it counts."""
        admitted = self.viewers < MAX_VIEWERS
        self.viewers += admitted
        try:
            yield admitted
        finally:
            self.viewers -= admitted

    def history(self) -> str:
        """The state, and the samples of the last minutes as one list for each of their fields."""
        samples = list(self._numbers.samples)
        fields = {name: [each[at] for each in samples] for at, name in enumerate(Sample._fields)}
        return json.dumps({**self._state(), "history": fields})

    async def next(self) -> str:
        """The state after a second."""
        await asyncio.sleep(1.0)
        if self._turn != self._numbers.turn or not self._text:
            self._turn = self._numbers.turn
            self._text = json.dumps(self._state())
        return self._text

    def _state(self) -> dict[str, Any]:
        numbers = self._numbers
        now = asyncio.get_running_loop().time()
        waiting = numbers.waiting()
        sample = numbers.samples[-1]._asdict() if numbers.samples else {}
        return {
            **numbers.process(),
            "observed": numbers.accepted > 0,
            "sample": sample,
            "times": _times(numbers.recent.at(now)),
            "connections": numbers.connections,
            "active": numbers.active,
            "waiting": waiting.number,
            "oldest": round(waiting.oldest, 1),
            "streams": waiting.streams,
            "websockets": numbers.websockets,
            "totals": {
                "requests": numbers.requests,
                "accepted": numbers.accepted,
                "refused": numbers.refused,
                "shed": numbers.shed,
                "received": numbers.received,
                "sent": numbers.sent,
            },
            "statuses": _statuses(list(numbers.by_route)),
            "routes": self._slowest(now, waiting.by_route),
            "lags": [[round(when), round(seconds, 3), callback] for when, seconds, callback in numbers.lags],
        }

    def _slowest(self, now: float, waiting: dict[str, int]) -> list[dict[str, Any]]:
        """The routes of the last minutes, those whose slowest twentieth is slowest first."""
        found = []
        for route in self._numbers.by_route:
            times = route.recent.at(now)
            if times.count or route.name in waiting:
                errors = route.over[5]
                entry = {"name": route.name, "waits": route.waits, "errors": errors, **_times(times)}
                found.append({**entry, "waiting": waiting.get(route.name, 0)})
        found.sort(key=lambda each: (each["waits"], -each["p95"]))
        return found[:SHOWN_ROUTES]


def _times(times: Histogram) -> dict[str, Any]:
    percentiles = {f"p{percent}": round(times.percentile(percent), 6) for percent in (50, 95, 99)}
    return {"count": times.count, "longest": round(times.longest, 6), **percentiles}


def _statuses(routes: list[Route]) -> dict[str, int]:
    sums = {
        ("cut off" if not digit else f"{digit}xx"): sum(route.over[digit] for route in routes) for digit in range(6)
    }
    return {name: number for name, number in sums.items() if number}
