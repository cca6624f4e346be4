"""The counts of ``hops.py`` stay within their bounds, on the stock asyncio loop and on Waterspout's own.

A plain method runs in the turn that read the request. ``async def`` runs in a task: from Python 3.12 on it is
started eagerly, in the same turn; on 3.11 its first step is a turn of its own. On the stock loop the flush is one
more callback, hence one more turn; Waterspout's own loop flushes just before it polls, hence in no turn of its own.
So, in polls of the selector between recv and send:

===================  ===============  ==========
handler              stock asyncio    own loop
===================  ===============  ==========
plain                1                0
async, 3.12+         1                0
async, 3.11          2                1
===================  ===============  ==========

and one request alone on the server costs one recv, one send, and a poll for its arrival plus one for each of these
turns. With 64 connections busy the polls are shared and the sum is below three everywhere.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import hops

EAGER = sys.version_info >= (3, 12)
REQUESTS = 1000
LOOPS = ("asyncio", "own")
KINDS = ("get", "get async")
# Timers that fire once a second while a thousand requests are counted, and the poll that strace's attaching interrupts.
SLACK = 0.1


def most_turns(loop: str, kind: str) -> int:
    plain_task = kind == "get async" and not EAGER
    return (1 if loop == "asyncio" else 0) + (1 if plain_task else 0)


@pytest.fixture(
    scope="module", params=[(loop, kind) for loop in LOOPS for kind in KINDS], ids=lambda cell: f"{cell[0]}-{cell[1]}"
)
def cell(request: pytest.FixtureRequest) -> tuple[str, str]:
    loop, kind = request.param
    return loop, kind


@pytest.fixture(scope="module")
def alone(cell: tuple[str, str]) -> dict[str, Any]:
    return hops.count_python("waterspout", cell[0], sys.executable, cell[1], REQUESTS, 1)


@pytest.fixture(scope="module")
def busy(cell: tuple[str, str]) -> dict[str, Any]:
    return hops.count_python("waterspout", cell[0], sys.executable, cell[1], REQUESTS, hops.CONNECTIONS)


def test_answer_leaves_within_its_turns(cell: tuple[str, str], alone: dict[str, Any], busy: dict[str, Any]) -> None:
    assert alone["turns_most"] <= most_turns(*cell)
    assert busy["turns_most"] <= most_turns(*cell)
    assert most_turns(*cell) <= (1 if EAGER else 2)


def test_request_takes_one_recv_and_one_send(alone: dict[str, Any], busy: dict[str, Any]) -> None:
    for counted in (alone, busy):
        assert counted["recv"] + counted["recv_would_block"] == pytest.approx(1, abs=0.001)
        assert counted["send"] == pytest.approx(1, abs=0.001)


def test_request_takes_at_most_70_python_calls(alone: dict[str, Any], busy: dict[str, Any]) -> None:
    assert busy["calls"] <= 70, busy["by_name"]
    assert alone["calls"] <= 70, alone["by_name"]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: apt-get install strace")
def test_request_alone_takes_a_recv_a_send_and_its_polls(cell: tuple[str, str]) -> None:
    counts = hops.count_system("waterspout", cell[0], sys.executable, cell[1], REQUESTS, 1)
    assert counts is not None
    # On the own loop this is 3, and 4 with a plain task; the stock loop needs one poll more for its flush.
    assert sum(counts.values()) <= 3 + most_turns(*cell) + SLACK, counts
    if cell[0] == "own":
        assert sum(counts.values()) <= (3 if EAGER else 4) + SLACK, counts


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: apt-get install strace")
def test_request_among_64_takes_at_most_three_system_calls(cell: tuple[str, str]) -> None:
    counts = hops.count_system("waterspout", cell[0], sys.executable, cell[1], REQUESTS, hops.CONNECTIONS)
    assert counts is not None
    assert sum(counts.values()) <= 3 + SLACK, counts
    assert counts["sendto" if "sendto" in counts else "sendmsg"] == pytest.approx(1, abs=0.01)


@pytest.mark.skipif(
    importlib.util.find_spec("tornado") is None, reason="tornado is not installed: the group hops has it"
)
def test_counter_reads_of_tornado_what_is_known_of_it() -> None:
    """Tornado 6.6.1: 3 turns, 4 or 5 callbacks between recv and send, about 410 calls, two recv, one in vain.

    Whether a fifth falls between the two depends on how soon the client asks again.
    """
    counted = hops.count_python("tornado", "asyncio", sys.executable, "get", 200, 1)
    assert counted["turns_most"] == 3
    assert 3.8 < counted["callbacks_between"] < 5.2
    assert 350 < counted["calls"] < 480
    assert (counted["recv"], counted["recv_would_block"], counted["send"]) == (1, 1, 1)


@pytest.mark.parametrize("loop", LOOPS)
def test_counts_do_not_depend_on_the_number_of_requests(loop: str) -> None:
    """The counter leaves the control line out: twice the requests are twice the calls, not a constant more."""
    few = hops.count_python("waterspout", loop, sys.executable, "get", 200, 1)
    many = hops.count_python("waterspout", loop, sys.executable, "get", 800, 1)
    assert few["calls"] == pytest.approx(many["calls"], rel=0.02)
    assert few["polls"] == pytest.approx(many["polls"], rel=0.02)
