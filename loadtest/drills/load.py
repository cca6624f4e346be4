"""Clients that count every request which did not get its whole answer.

A connection that is refused before anything was sent is no failed request: nobody has listened to it. Everything else
is: a reset or an end where an answer was due, an answer cut short, a status other than 200, a long silence.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

PATIENCE = 60.0  # seconds without an answer


@dataclass
class Tally:
    """What all clients together have seen."""

    answered: int = 0
    kept: int = 0  # answers on a connection that had carried one before
    refused: int = 0
    pids: Counter[int] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)


class Load:
    """*keeping* clients that reuse their connection, *closing* ones with a new one for each request, *slow* ones whose
    answers take 50 ms, *thinking* ones that keep their connection and pause between requests."""

    def __init__(self, port: int, *, keeping: int = 16, closing: int = 8, slow: int = 8, thinking: int = 8) -> None:
        self.port = port
        self.tally = Tally()
        self.stopping = False
        self._clients = [
            *(self._client(close=False) for _ in range(keeping)),
            *(self._client(close=True) for _ in range(closing)),
            *(self._client(close=False, target="/?50") for _ in range(slow)),
            *(self._client(close=False, pause=0.05) for _ in range(thinking)),
        ]
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        self._running = [asyncio.ensure_future(client) for client in self._clients]

    async def stop(self) -> Tally:
        """End after the requests that are under way."""
        self.stopping = True
        await self.ended()
        return self.tally

    async def ended(self) -> Tally:
        """Wait until all clients have ended: they do when they are refused."""
        await asyncio.gather(*self._running)
        return self.tally

    async def _client(self, *, close: bool, target: str = "/", pause: float = 0.0) -> None:
        request = f"GET {target} HTTP/1.1\r\nHost: a\r\n{'Connection: close' + chr(13) + chr(10) if close else ''}\r\n"
        while not self.stopping:
            try:
                reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self.port), PATIENCE)
            except ConnectionRefusedError:
                self.tally.refused += 1
                return
            except OSError as error:
                self.tally.failed.append(f"connect: {error!r}")
                return
            try:
                await self._converse(reader, writer, request.encode(), pause)
            finally:
                writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, pause: float
    ) -> None:
        answers = 0
        while not self.stopping:
            try:
                writer.write(request)
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
                length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
                body = await asyncio.wait_for(reader.readexactly(length), PATIENCE)
                if not head.startswith(b"HTTP/1.1 200 "):
                    raise ValueError(head.split(b"\r\n")[0].decode())
            except (OSError, EOFError, ValueError) as error:
                self.tally.failed.append(f"after {answers} answers: {error!r}")
                return
            answers += 1
            self.tally.answered += 1
            self.tally.kept += answers > 1
            self.tally.pids[int(body)] += 1
            if b"\r\nConnection: close\r\n" in head:
                return
            if pause:
                await asyncio.sleep(pause)
