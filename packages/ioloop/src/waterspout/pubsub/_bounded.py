"""How many topics are kept: the ones longest unused go, unless somebody waits for them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

__all__ = ["LOOKS", "make_room"]

T = TypeVar("T")

#: At so many topics it is looked for one that may go. Where more are waited for than there may be, it is not at all of
#: them for each that is added.
LOOKS = 64


def make_room(topics: OrderedDict[str, T], limit: int, is_used: Callable[[T], int]) -> list[T]:
    """Take from the front of *topics* until there is room for one more within *limit*; returns what was taken.

    What *is_used* goes behind all others instead, for it is in use. So there may be more than *limit*; they become
    fewer as more are added, once they are no longer used.
    """
    taken: list[T] = []
    for _ in range(min(LOOKS, len(topics))):
        if len(topics) < limit:
            break
        name, topic = topics.popitem(last=False)
        if is_used(topic):
            topics[name] = topic
        else:
            taken.append(topic)
    return taken
