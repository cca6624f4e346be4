"""StreamReceiver: who is handed what a stream received (*push*). RestingPlace: who waits for it in the loop's place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from waterspout.iostream._core import StreamCore


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


class RestingPlace(Protocol):
    """Watches the descriptors of streams that may not be heard of for long, for less than the loop does."""

    def rest(self, stream: StreamCore) -> bool:
        """Call ``stream.wake()``, once, when its descriptor is readable; false if that cannot be."""

    def leave(self, stream: StreamCore) -> None:
        """End `rest`: the stream is awake, paused or about to be closed."""
