"""Two costs beside each other on a machine whose speed drifts: the ratio of starts that follow one another."""

from __future__ import annotations

import statistics
from collections.abc import Callable

__all__ = ["steady_ratio"]


def steady_ratio(
    ours: Callable[[], float], theirs: Callable[[], float], bound: float, *, pairs: int = 9, blocks: int = 4
) -> tuple[float, list[tuple[float, float]]]:
    """The median of ``ours() / theirs()`` in a block of *pairs*: the first that is at most *bound*, else the least.

    A shared machine has phases, of seconds, in which one of two costs doubles and the other does not. They pass, while
    what has really become dearer is so in every block. Returns the ratio and all that was measured.
    """
    measured: list[tuple[float, float]] = []
    medians: list[float] = []
    for _ in range(blocks):
        block = [(ours(), theirs()) for _ in range(pairs)]
        measured += block
        medians.append(statistics.median(our / their for our, their in block))
        if medians[-1] <= bound:
            break
    return min(medians), measured
