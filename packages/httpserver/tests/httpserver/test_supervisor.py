"""The supervisor's arithmetic; what it does to processes is in `test_run.py`."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from waterspout.httpserver import Notifier, _supervisor
from waterspout.httpserver._settings import Settings
from waterspout.httpserver._supervisor import State, Supervisor, Worker
from waterspout.httpserver._worker import Report


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: Any) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_supervisor, "time", clock)
    return clock


@pytest.fixture
def supervisor(clock: Clock) -> Iterator[Supervisor]:
    made = Supervisor(Settings(app=None, workers=2), [[], []], Notifier({}), lambda: None)
    made.state = State.RUNNING
    yield made
    made.selector.close()
    made.wake.close()
    made.woken.close()


def worker(supervisor: Supervisor, place: int = 0) -> Worker:
    ours, theirs = socket.socketpair()
    theirs.close()
    made = Worker(99_999_999, ours, supervisor.places[place])
    supervisor.places[place].worker = made
    return made


def test_workers_that_die_young_are_replaced_later_and_later(supervisor: Supervisor, clock: Clock) -> None:
    waits = []
    for _ in range(10):
        supervisor.ended(worker(supervisor), 1)
        waits.append(supervisor.places[0].start_at - clock.now)
    assert waits == [0, 1, 2, 4, 8, 16, 30, 30, 30, 30]
    assert supervisor.places[1].failures == 0


def test_one_that_has_lived_is_replaced_at_once(supervisor: Supervisor, clock: Clock) -> None:
    for _ in range(5):
        supervisor.ended(worker(supervisor), 1)
    old = worker(supervisor)
    clock.now += 11
    supervisor.ended(old, -9)
    assert supervisor.places[0].start_at == clock.now


def test_the_first_worker_that_cannot_start_ends_the_server(supervisor: Supervisor, caplog: Any) -> None:
    supervisor.state = State.STARTING
    supervisor.ended(worker(supervisor), 3)
    assert supervisor.state is State.FAILED and "ended with status 3 before it accepted: giving up" in caplog.text
    assert not supervisor.look()


def test_without_a_process_to_spare_it_tries_again(
    supervisor: Supervisor, clock: Clock, monkeypatch: Any, caplog: Any
) -> None:
    def no_process() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(_supervisor.os, "fork", no_process)
    assert supervisor.look()
    assert [place.start_at for place in supervisor.places] == [clock.now + 1] * 2
    assert supervisor.time_to_next() == 1 and "cannot start worker 0" in caplog.text


def test_the_last_words_of_a_worker_that_has_ended_are_heard(supervisor: Supervisor, caplog: Any) -> None:
    # It was told to stop by itself, and has ended before anybody looked.
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    leaving = Worker(99_999_999, ours, supervisor.places[0])
    supervisor.places[0].worker = leaving
    supervisor.selector.register(ours, selectors.EVENT_READ, leaving)
    theirs.send(Report.LEAVING.value)
    theirs.close()
    with caplog.at_level("INFO"):
        supervisor.ended(leaving, 0)
    assert "was told to stop" in caplog.text and "ended with status" not in caplog.text
    assert supervisor.places[0].worker is None and supervisor.places[0].failures == 0 and not supervisor.retired
    assert ours.fileno() == -1


@pytest.mark.parametrize("before", [0, 2500, 4096, 9000])
def test_a_reason_behind_many_signs_of_life_is_heard_whole(supervisor: Supervisor, before: int) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    failing = Worker(99_999_999, ours, supervisor.places[0])
    supervisor.selector.register(ours, selectors.EVENT_READ, failing)
    theirs.sendall(Report.ALIVE.value * before + Report.FAILED.value + b"R" * 2000 + b"\0")
    supervisor.hear(failing)
    assert failing.reason == "R" * 2000 and not failing.ready
    assert ours in supervisor.selector.get_map()  # it may say more
    theirs.close()
    supervisor.hear(failing)
    assert ours not in supervisor.selector.get_map()
    ours.close()


def test_the_watchdog_is_not_fed_while_a_worker_is_silent(supervisor: Supervisor, clock: Clock) -> None:
    told = []
    supervisor.notifier.watchdog = 3.0
    supervisor.notifier.alive = lambda: told.append(clock.now)  # type: ignore[method-assign]
    silent = worker(supervisor)
    silent.ready = True
    for _ in range(6):
        supervisor.say_alive(clock.now)
        clock.now += 1
    assert told == [1000, 1001, 1002]
    silent.heard = clock.now
    supervisor.say_alive(clock.now)
    assert told[-1] == clock.now
