"""What a hub hands to its subscribers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Lost", "Message"]


@dataclass(frozen=True, slots=True)
class Message:
    """One published message.

    `cursor` is where it stands in its topic: give it to `Hub.subscribe`, `Hub.poll` or `Hub.history` to go on behind
    it. Cursors of a topic only grow; between two of them there may be gaps. `key` is the publisher's idempotency key.
    """

    __module__ = "waterspout.pubsub"

    topic: str
    cursor: int
    data: Any
    key: str | None = None


class Lost(Exception):
    """Messages after a cursor are gone: the hub keeps only the last ones, or was started anew since.

    `oldest` is the cursor before the oldest message that is still there: go on from it, after loading the full state
    from wherever it is kept.
    """

    __module__ = "waterspout.pubsub"

    def __init__(self, topic: str, cursor: int, oldest: int) -> None:
        super().__init__(f"messages of {topic!r} after {cursor} are no longer kept; the oldest follow {oldest}")
        self.topic = topic
        self.cursor = cursor
        self.oldest = oldest
