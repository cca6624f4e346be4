"""Two streams joined: what one receives the other sends. It carries TLS inside TLS, through an https proxy."""

from __future__ import annotations

from waterspout.iostream import IOStream, StreamClosedError


class _End:
    """The receiver of one stream: passes on to the other."""

    __slots__ = ("_other", "_stream")

    def __init__(self, stream: IOStream, other: IOStream) -> None:
        self._stream = stream
        self._other = other

    def data_received(self, data: bytes) -> None:
        """Pass *data* on; read no more while the other side is behind."""
        try:
            self._other.send(data)
        except StreamClosedError:
            self._stream.close()
            return
        if self._other.pending > self._other.high_water:
            self._stream.pause_receiving()

    def eof_received(self) -> None:
        """Nothing more will come from this side."""
        self._other.close_after_flush()

    def connection_lost(self, error: BaseException | None) -> None:
        """This side is closed, so the other is of no use."""
        self._other.close_after_flush()

    def writable(self) -> None:
        """What this side had to send has left: the other may go on."""
        self._other.resume_receiving()


def join(one: IOStream, other: IOStream) -> None:
    """Pass bytes between *one* and *other*, both ways, until either is closed."""
    one.set_receiver(_End(one, other))
    other.set_receiver(_End(other, one))
