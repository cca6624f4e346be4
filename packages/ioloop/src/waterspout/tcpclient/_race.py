"""Connecting to the first address of several that answers.

One family: one address after the other; the next joins when those before have not connected after 0.3 s, or failed.
Two (RFC 8305, "happy eyeballs"): the family that the resolver put first begins, and the other joins when the first has
not connected after 0.3 s or an attempt of it failed.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import TYPE_CHECKING, Any, Final

from waterspout.iostream import IOStream, StreamClosedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Seconds before the second family, or the next address, begins (RFC 8305, 5, recommends 0.25; Tornado's number).
HEAD_START: Final = 0.3

Place = tuple[int, Any]


async def connect_first(places: Sequence[Place], open_stream: Callable[[int], IOStream], name: str) -> IOStream:
    """A connected stream to one of ``places``, made by ``open_stream(family)``; ``name`` is what errors call the peer.

    StreamClosedError if none answers: its ``real_error`` is an OSError of the last failure's kind that names them all.
    """
    failures: list[tuple[Any, OSError]] = []
    families = {family for family, _ in places}
    if len(families) < 2:
        stream = await _one_after_the_other(places, open_stream, failures, None)
    else:
        stream = await _two_families(places, open_stream, failures)
    if stream is None:
        raise StreamClosedError(real_error=_summary(failures, name))
    return stream


async def _one_after_the_other(
    places: Sequence[Place],
    open_stream: Callable[[int], IOStream],
    failures: list[tuple[Any, OSError]],
    failed: asyncio.Event | None,
) -> IOStream | None:
    """The first that connects; ``failed`` is set when one does not."""

    def note(address: Any, stream: IOStream | None, error: OSError) -> None:
        failures.append((address, error if stream is None or not isinstance(stream.error, OSError) else stream.error))
        if failed is not None:
            failed.set()

    todo = list(reversed(places))
    under_way: dict[asyncio.Future[IOStream], tuple[Any, IOStream]] = {}
    try:
        while todo or under_way:
            if todo:
                family, address = todo.pop()
                stream: IOStream | None = None
                try:
                    stream = open_stream(family)
                    under_way[asyncio.ensure_future(stream.connect(address))] = address, stream
                except (OSError, OverflowError) as error:  # the latter is a port beyond 65535
                    if stream is not None:
                        stream.close()
                    note(address, stream, error if isinstance(error, OSError) else OSError(errno.EINVAL, str(error)))
                    continue
            done, _ = await asyncio.wait(
                under_way, timeout=HEAD_START if todo else None, return_when=asyncio.FIRST_COMPLETED
            )
            for future in done:
                address, stream = under_way[future]
                reason = future.exception()
                if reason is None:
                    del under_way[future]
                    return stream
                if not isinstance(reason, OSError):
                    raise reason
                del under_way[future]
                note(address, stream, reason)
        return None
    finally:  # another was faster, or nobody waits any more
        for future, (_, stream) in under_way.items():
            future.cancel()
            stream.close()


async def _two_families(
    places: Sequence[Place], open_stream: Callable[[int], IOStream], failures: list[tuple[Any, OSError]]
) -> IOStream | None:
    primary = places[0][0]
    failed = asyncio.Event()
    first = asyncio.ensure_future(
        _one_after_the_other([place for place in places if place[0] == primary], open_stream, failures, failed)
    )
    second = asyncio.ensure_future(
        _after_head_start([place for place in places if place[0] != primary], open_stream, failures, failed)
    )
    running = {first, second}
    try:
        while running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            won = [task.result() for task in done if task.exception() is None and task.result() is not None]
            for late in won[1:]:  # both in the same turn
                if late is not None:
                    late.close()
            if won:
                return won[0]
            for task in done:
                task.result()  # an error that is not a failure to connect
        return None
    finally:
        for task in running:
            task.cancel()
        if running:
            for outcome in await asyncio.gather(*running, return_exceptions=True):
                if isinstance(outcome, IOStream):  # it connected before the cancellation reached it
                    outcome.close()


async def _after_head_start(
    places: Sequence[Place],
    open_stream: Callable[[int], IOStream],
    failures: list[tuple[Any, OSError]],
    failed: asyncio.Event,
) -> IOStream | None:
    try:
        async with asyncio.timeout(HEAD_START):
            await failed.wait()
    except TimeoutError:
        failed.set()
    return await _one_after_the_other(places, open_stream, failures, None)


def _summary(failures: list[tuple[Any, OSError]], name: str) -> OSError:
    if not failures:
        return OSError(errno.EADDRNOTAVAIL, f"cannot connect to {name}: it has no address")
    parts = [f"{written(address)}: {error.strerror or error}" for address, error in failures]
    number = failures[-1][1].errno or errno.ECONNABORTED
    return OSError(number, f"cannot connect to {name} ({'; '.join(parts)})")


def written(address: Any) -> str:
    """The address as people write it."""
    if isinstance(address, tuple) and len(address) >= 2:
        host, port = address[:2]
        return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    return repr(os.fsdecode(address))


def open_socket(family: int, source_ip: str | None, source_port: int | None) -> socket.socket:
    """A non-blocking socket bound to the source address, if one is given.  OSError says which could not be bound."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if source_ip is not None or source_port is not None:
            where = (source_ip or ("::1" if family == socket.AF_INET6 else "127.0.0.1"), source_port or 0)
            try:
                sock.bind(where)
            except OSError as error:
                raise OSError(
                    error.errno, f"cannot connect from source {written(where)}: {error.strerror or error}"
                ) from error
    except BaseException:
        sock.close()
        raise
    return sock
