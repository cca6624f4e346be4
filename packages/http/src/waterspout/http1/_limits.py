"""What a peer may make us hold, beside the reasons for each number."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Limits"]


class Limits(NamedTuple):
    """Totals, in bytes unless said, that a reader enforces before it allocates.

    A limit itself is allowed, one more is refused: `request_line` with 414, `head`, `fields` and `trailers`
    with 431, `body` with 413, `chunk_extensions` with 400.
    """

    #: node 16 KiB, Apache 8190, nginx 8 KiB: longer targets are mistakes or attacks.
    request_line: int = 8 * 1024
    #: Start line and fields together; browsers with many cookies stay below 16 KiB.
    head: int = 32 * 1024
    #: Number of field lines (Apache 100, aiohttp 128, Go none).
    fields: int = 100
    #: Content of the message, transfer coding removed.
    body: int = 100 * 1024 * 1024
    #: One chunk's size line, and all of a message's chunk extensions together: nobody reads them, so they must be
    #: cheap to skip (CVE-2023-39326).
    chunk_extensions: int = 4 * 1024
    #: Trailer section after the last chunk.
    trailers: int = 8 * 1024
    #: Interim (1xx) responses before a final one (client role).
    interim_responses: int = 10


Limits.__module__ = "waterspout.http1"

#: What Tornado allows, for ``compat="tornado"``.
TORNADO_LIMITS = Limits(request_line=65536, head=65536, fields=10_000)
