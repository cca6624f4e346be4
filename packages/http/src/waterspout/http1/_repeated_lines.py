"""What a client says in each of its requests, looked at once.

A browser sends half a kilobyte of fields, the same ones first in every request of a connection. Lines that were found
to be well-formed, and what was noted in them, count again where the next request's fields begin with exactly the same
bytes: only what follows them is parsed. They are kept per connection, so that no client learns or spoils anything of
another's.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["RepeatedLines", "beginning"]

#: Bytes of lines in common below which there is nothing to be gained, and beyond which they are not kept: a browser's
#: own lines fit, and an idle connection stays below 3 KiB with them.
LEAST, MOST = 128, 1024


def beginning(block: bytes) -> bytes:
    """The first lines of *block*, up to `MOST` bytes of them; empty where that is not worth a comparison."""
    lines = block if len(block) <= MOST else block[: max(0, block.rfind(b"\r\n", 0, MOST))]
    return lines if len(lines) >= LEAST else b""


class RepeatedLines(NamedTuple):
    """*lines* are whole field lines, each with its CRLF in front; *noted* their noted fields, *fields* their number.

    Without *lines* the client's requests have too little in common to be compared again.
    """

    lines: bytes
    noted: list[tuple[bytes, bytes]]
    fields: int

    def common_with(self, block: bytes) -> bytes:
        """The lines with which *block* begins as these do; empty where that is not worth a comparison."""
        ours, theirs = self.lines + b"\r\n", block + b"\r\n"
        low, high = 0, min(len(ours), len(theirs))
        while low < high:
            middle = (low + high + 1) // 2
            if ours.startswith(theirs[:middle]):
                low = middle
            else:
                high = middle - 1
        end = ours.rfind(b"\r\n", 0, low)
        return block[:end] if end >= LEAST else b""
