"""StreamReceiver: who is handed what a stream received (*push*)."""

from __future__ import annotations

from typing import Protocol


class StreamReceiver(Protocol):
    """What ``stream.set_receiver`` takes; all four methods are required.

    They are called by the event loop, never from inside ``send``; only `data_received` is called from inside
    ``set_receiver``, with what had arrived before.  An exception out of any of them is logged and closes the stream.
    """

    def data_received(self, data: bytes) -> object:
        """Take what one read gave: never empty, not more than 64 KiB (save for what was buffered before)."""

    def eof_received(self) -> object:
        """The peer will send nothing more.

        Return true to keep the stream open for writing.  Otherwise it closes when what is queued has been sent.
        """

    def connection_lost(self, error: BaseException | None) -> object:
        """The stream is closed: called exactly once, whoever closed it; ``error`` is ``stream.error``."""

    def writable(self) -> object:
        """Queued output that exceeded ``stream.high_water`` has left completely."""


StreamReceiver.__module__ = "waterspout.iostream"
