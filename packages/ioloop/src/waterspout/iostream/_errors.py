"""What can go wrong with a stream.

OSError
  StreamClosedError        the stream is closed; `real_error` says why, if anything but its owner closed it
Exception
  UnsatisfiableReadError   more than ``max_bytes`` arrived without the delimiter
  StreamBufferFullError    more than ``max_buffer_size`` would have to be kept
"""

from __future__ import annotations


class StreamClosedError(OSError):
    """The stream is closed, so that the operation cannot succeed.

    `real_error` is the exception that closed it (a reset connection, a failed handshake, an `UnsatisfiableReadError`),
    or None if the peer closed in order or the stream's owner called ``close()``.
    """

    __module__ = "waterspout.iostream"

    real_error: BaseException | None

    def __init__(self, real_error: BaseException | None = None) -> None:
        super().__init__("Stream is closed" if real_error is None else f"Stream is closed: {real_error!r}")
        self.real_error = real_error


class UnsatisfiableReadError(Exception):
    """A read can never be satisfied: the delimiter did not come within ``max_bytes``.

    The read itself fails with a `StreamClosedError` whose `real_error` this is, for the stream is closed.
    """

    __module__ = "waterspout.iostream"


class StreamBufferFullError(Exception):
    """``write`` would exceed ``max_write_buffer_size``, or a read made the peer fill ``max_buffer_size``."""

    __module__ = "waterspout.iostream"
