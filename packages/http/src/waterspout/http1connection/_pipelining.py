"""What a client may have of us that sends its requests without waiting for answers (RFC 9112, 9.3.2).

They are served one after the other, but not all in one go: others wait meanwhile. And not faster than the client takes
the answers: a few bytes ask for a large one, and those who never read would have us keep any number of them.
"""

from __future__ import annotations

from asyncio import Future
from functools import partial
from typing import TYPE_CHECKING, Final

from waterspout.http1connection._phase import Phase

if TYPE_CHECKING:
    from waterspout.http1connection._server_connection import HTTP1ServerConnection

__all__ = ["AT_ONCE", "OUTPUT_LIMIT", "PIPELINE_LIMIT", "go_on", "go_on_when_flushed"]

#: Bytes of further requests that are kept while one is being answered; then reading pauses.
PIPELINE_LIMIT: Final = 64 * 1024
#: Requests of one client that are served before others have their turn.
AT_ONCE: Final = 16
#: Bytes of answers that wait for the client; while there are more, its next request is not begun.
OUTPUT_LIMIT: Final = 64 * 1024


def go_on_when_flushed(connection: HTTP1ServerConnection) -> None:
    """Serve what is held of *connection*, and read on, in a later turn: when its answers are in the kernel.

    A client that takes none of them runs into the deadline for that.
    """
    connection.stream.pause_receiving()
    connection.stream.flushed().add_done_callback(partial(_flushed, connection))


def _flushed(connection: HTTP1ServerConnection, flushed: Future[None]) -> None:
    if not flushed.cancelled() and flushed.exception() is None and connection.phase is Phase.IDLE:
        go_on(connection)


def go_on(connection: HTTP1ServerConnection) -> None:
    """Serve what is held of *connection*, whose last request has been answered, and read on."""
    data, connection._pipelined = connection._pipelined, b""
    connection.stream.resume_receiving()
    connection.data_received(data)
