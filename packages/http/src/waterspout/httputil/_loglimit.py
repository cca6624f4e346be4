"""A bound on what one peer can write into the log."""

from collections.abc import Callable
from time import monotonic


class LogLimit:
    """At most ``records`` records for each peer in each ``period`` (seconds); of at most ``peers`` peers at a time.

    Somebody who sends nonsense in a loop fills the disk, or hides in the noise what else they do. Ask `allows` before
    a record about a peer's mistake. When there are more peers than ``peers``, the one that was silent longest is
    forgotten: memory stays bounded, whatever addresses are seen.
    """

    __module__ = "waterspout.httputil"
    __slots__ = ("_clock", "_peers", "_period", "_records", "_seen")

    def __init__(
        self, records: int = 20, period: float = 10.0, *, peers: int = 10_000, clock: Callable[[], float] = monotonic
    ) -> None:
        self._records = records
        self._period = period
        self._peers = peers
        self._clock = clock
        self._seen: dict[str, tuple[float, int]] = {}  # peer: when its period began, what it wanted to log since then

    def allows(self, peer: str) -> bool:
        """Count one record about ``peer``; whether it may be written."""
        now = self._clock()
        began, count = self._seen.pop(peer, (now, 0))
        if now - began >= self._period:
            began, count = now, 0
        self._seen[peer] = (began, count + 1)
        if len(self._seen) > self._peers:
            del self._seen[next(iter(self._seen))]
        return count < self._records

    def suppressed(self, peer: str) -> int:
        """How many records about ``peer`` were refused in its period: worth one line when it is over."""
        return max(0, self._seen.get(peer, (0.0, 0))[1] - self._records)
