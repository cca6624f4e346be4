"""Stopping a server without losing a request."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from waterspout.http1connection import HTTP1ServerConnection, Phase, UpgradedConnections

__all__ = ["CutRequest", "DrainResult", "DrainState", "drain"]

#: Seconds between two looks at what is left.
TICK: Final = 0.02


@dataclass(frozen=True, slots=True)
class CutRequest:
    """A request that was under way when the deadline passed. `path` is without the query, which may hold secrets.

    `method` and `path` are empty for a client that had not taken its answers, or had sent requests beyond these.
    """

    method: str
    path: str
    remote_ip: str | None
    phase: Phase

    def __str__(self) -> str:
        return f"{self.method} {self.path}" if self.method else "answers that were not taken"


@dataclass(frozen=True, slots=True)
class DrainResult:
    """How `HTTPServer.drain` went.

    `finished` connections ended by themselves after their last response, `idle` ones were closed with nothing under
    way, `upgraded` ones (WebSockets) ended in order. What the deadline cut short: `cut` requests, and `cut_upgraded`
    connections of other protocols. `seconds` is how long it took.
    """

    seconds: float
    finished: int
    idle: int
    upgraded: int
    cut: tuple[CutRequest, ...]
    cut_upgraded: int

    @property
    def clean(self) -> bool:
        """Whether nothing was cut short."""
        return not self.cut and not self.cut_upgraded

    def __str__(self) -> str:
        text = f"{self.finished + self.idle + self.upgraded} connections ended in order in {self.seconds:.1f} s"
        if self.cut:
            text += f"; {len(self.cut)} requests were cut: " + ", ".join(map(str, self.cut[:5]))
            text += ", ..." if len(self.cut) > 5 else ""
        if self.cut_upgraded:
            text += f"; {self.cut_upgraded} upgraded connections were cut"
        return text


CutRequest.__module__ = DrainResult.__module__ = "waterspout.httpserver"


class DrainState:
    """Until when a drain that is under way lasts (times are the loop's), and of how many connections."""

    __slots__ = ("connections", "idle_until", "until")

    def __init__(self, connections: int, until: float, idle_until: float) -> None:
        self.connections = connections
        self.until = until
        self.idle_until = idle_until

    def hurry(self, until: float, idle_until: float) -> None:
        """Another call wants it done by then."""
        self.until = min(self.until, until)
        self.idle_until = min(self.idle_until, idle_until)


async def drain(
    connections: Collection[HTTP1ServerConnection],
    upgraded: UpgradedConnections,
    state: DrainState,
    accepting: asyncio.Future[None],
) -> DrainResult:
    """End all *connections*, to which some may still be added until *accepting* is done."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    idle = 0
    upgraded_before = upgraded.count - len(upgraded)
    handed_over_before = upgraded.count
    upgraded.drain(state.until)
    while True:
        now = loop.time()
        for connection in list(connections):
            connection.drain()
            if now >= state.idle_until and connection.close_if_idle():
                idle += 1
        if (accepting.done() and not connections and not upgraded) or now >= state.until:
            break
        await asyncio.sleep(min(TICK, max(0.0, state.until - now)))
    await accepting
    cut = tuple(filter(None, map(_cut, list(connections))))
    left = len(connections)
    for connection in list(connections):
        connection.close()
    cut_upgraded = upgraded.close()
    return DrainResult(
        seconds=loop.time() - began,
        finished=state.connections - idle - left - (upgraded.count - handed_over_before),
        idle=idle + left - len(cut),
        upgraded=upgraded.count - upgraded_before - cut_upgraded,
        cut=cut,
        cut_upgraded=cut_upgraded,
    )


def _cut(connection: HTTP1ServerConnection) -> CutRequest | None:
    request: Any = connection.request
    if request is None:
        if not connection.is_busy():
            return None
        return CutRequest("", "", getattr(connection.context, "remote_ip", None), connection.phase)
    return CutRequest(request.method, request.path, getattr(request, "remote_ip", None), connection.phase)
