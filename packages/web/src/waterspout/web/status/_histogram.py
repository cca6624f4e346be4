"""How long things took, in a fixed number of counters: percentiles to within a tenth, whatever comes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import frexp, ldexp

__all__ = ["OCTAVES", "Histogram", "Recent"]

#: The first counter begins at 2**LOWEST seconds (7.6 microseconds); each doubling is an octave of four counters, up to
#: 128 seconds. What is shorter or longer is counted in the first or last one.
LOWEST, OCTAVES, PARTS = -17, 24, 4
SIZE = OCTAVES * PARTS


class Histogram:
    """Counts times in seconds. 800 bytes, however many they are."""

    __slots__ = ("count", "counters", "longest", "seconds")

    counters: array[int]
    count: int
    #: Of all together, and of the longest.
    seconds: float
    longest: float

    def __init__(self) -> None:
        self.counters = array("Q", bytes(8 * SIZE))
        self.count = 0
        self.seconds = self.longest = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        mantissa, exponent = frexp(seconds if seconds > 0 else 1e-9)  # a clock may not have moved
        at = (exponent - 1 - LOWEST) * PARTS + int(mantissa * 2 * PARTS) - PARTS
        self.counters[0 if at < 0 else at if at < SIZE else SIZE - 1] += 1
        self.count += 1
        self.seconds += seconds
        if seconds > self.longest:
            self.longest = seconds

    def add(self, others: Iterable[Histogram]) -> Histogram:
        """Count what *others* have counted, too; returns itself."""
        for other in others:
            self.count += other.count
            self.seconds += other.seconds
            self.longest = max(self.longest, other.longest)
            for at, number in enumerate(other.counters):
                if number:
                    self.counters[at] += number
        return self

    def percentile(self, percent: float) -> float:
        """The time within which *percent* of all ended, in seconds; 0 where there were none."""
        wanted = self.count * percent / 100
        seen = 0
        for at, number in enumerate(self.counters):
            if number and seen + number >= wanted:
                low, high = _begin(at), _begin(at + 1)
                return min(low + (high - low) * max(0.0, wanted - seen) / number, self.longest)
            seen += number
        return self.longest

    def octaves(self) -> list[tuple[float, int]]:
        """(seconds, how many took no longer) at the end of each octave: exact, for an exporter."""
        found, seen = [], 0
        for octave in range(OCTAVES):
            seen += sum(self.counters[octave * PARTS : (octave + 1) * PARTS])
            found.append((ldexp(1.0, LOWEST + octave + 1), seen))
        return found


class Recent:
    """The times of the last one to two *seconds*: two histograms, the older one is dropped in turn."""

    __slots__ = ("_before", "_now", "_seconds", "_since")

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._since = 0.0
        self._now = Histogram()
        self._before = Histogram()

    def observe(self, seconds: float, now: float) -> None:
        """Count one that ended at *now*, on any clock that does not go back."""
        self._turn(now)
        self._now.observe(seconds)

    def at(self, now: float) -> Histogram:
        """All of them, as one histogram."""
        self._turn(now)
        return Histogram().add((self._before, self._now))

    def _turn(self, now: float) -> None:
        passed = now - self._since
        if passed >= self._seconds:
            self._before = self._now if passed < 2 * self._seconds else Histogram()
            self._now = Histogram()
            self._since = now


def _begin(at: int) -> float:
    return ldexp(1.0 + at % PARTS / PARTS, LOWEST + at // PARTS)
