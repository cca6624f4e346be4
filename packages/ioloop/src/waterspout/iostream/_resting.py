"""RestingPlace: who watches, in the loop's place, descriptors of streams that may not be heard of for long."""

from __future__ import annotations

from typing import Protocol

__all__ = ["RestingPlace", "RestingStream"]


class RestingStream(Protocol):
    """What a `RestingPlace` sees of a stream."""

    @property
    def resting(self) -> bool:
        """Whether the place still watches its descriptor: what another stream has said may have ended that."""

    def fileno(self) -> int:
        """Its descriptor."""

    def wake(self) -> None:
        """Its descriptor is readable: the loop watches it from now on, and what has come is received at once."""


class RestingPlace(Protocol):
    """Watches for less than the loop does."""

    def rest(self, stream: RestingStream) -> bool:
        """Call ``stream.wake()``, once, when its descriptor is readable; false if that cannot be."""

    def leave(self, stream: RestingStream) -> None:
        """End `rest`: the stream is awake, paused or about to be closed."""
