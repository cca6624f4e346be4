"""`steady_ratio`: a phase of the machine is no regression, a regression is no phase."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from paired import steady_ratio


def costs(values: Iterable[float]) -> Callable[[], float]:
    return iter(values).__next__


def test_a_quiet_machine_is_asked_once() -> None:
    ratio, measured = steady_ratio(costs([1.0, 1.2, 1.1]), costs([2.0, 2.0, 2.0]), 0.6, pairs=3)
    assert ratio == 0.55 and measured == [(1.0, 2.0), (1.2, 2.0), (1.1, 2.0)]


def test_drift_that_meets_both_changes_nothing() -> None:
    ratio, _ = steady_ratio(costs([1.0, 2.0, 4.0]), costs([2.0, 4.0, 8.0]), 0.5, pairs=3, blocks=1)
    assert ratio == 0.5


def test_single_outliers_of_either_side_do_not_count() -> None:
    ratio, _ = steady_ratio(costs([1.0, 9.0, 1.0, 1.0, 1.0]), costs([2.0, 2.0, 0.1, 2.0, 2.0]), 0.5, pairs=5, blocks=1)
    assert ratio == 0.5


def test_a_phase_that_meets_one_side_passes() -> None:
    ratio, measured = steady_ratio(costs([2.0] * 3 + [1.0] * 3), costs([2.0] * 6), 0.6, pairs=3)
    assert ratio == 0.5 and len(measured) == 6


def test_what_is_dearer_in_every_block_is_found() -> None:
    ratio, measured = steady_ratio(costs([1.6] * 3 + [1.4] * 9), costs([2.0] * 12), 0.6, pairs=3)
    assert ratio == 0.7 and len(measured) == 12
