"""Line ends as older implementations took them: for compatibility, on request only."""

from __future__ import annotations


def with_crlf(data: bytes) -> bytes | None:
    """*data* with the bare LFs of its head made CRLF, or None if there are none or the head is not whole."""
    ends = [end for end in (_end_of_lines(data, b"\n\n"), _end_of_lines(data, b"\n\r\n")) if end]
    if not ends:
        return None
    end = min(ends)
    strict = data[:end].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return None if strict == data[:end] else strict + data[end:]


def _end_of_lines(data: bytes, mark: bytes) -> int:
    start = data.find(mark)
    return 0 if start < 0 else start + len(mark)
