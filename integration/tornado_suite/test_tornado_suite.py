"""Tornado's own tests, from its wheel, on Waterspout: every test of the public API passes or is listed with its reason.

Public is what needs no name that begins with an underscore; the 196 tests that do are in private_tests.txt. They run,
too, and what they came to is printed (``-s``), but nothing depends on it. Each module runs in processes of its own,
two at a time; ``-k web_test`` runs one of them. What is expected to fail or to be skipped is in expected.toml.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
EXPECTED = tomllib.loads((HERE / "expected.toml").read_text(encoding="utf-8"))
PRIVATE = frozenset((HERE / "private_tests.txt").read_text(encoding="utf-8").split())
PREFIX = "tornado.test."
TEST_SECONDS = 60.0
MODULE_SECONDS = 240.0
AT_ONCE = 2
ENVIRONMENT = {
    **os.environ,
    "WATERSPOUT_TORNADO": "1",  # by the .pth in the wheel, as in every child process under the alias
    "PYTHONPATH": str(HERE / "site"),
    "ASYNC_TEST_TIMEOUT": "30",  # Tornado's own variable for slow machines: seconds that an asynchronous test may take
}


@dataclass
class Outcomes:
    """How the tests of one module ended: `tests` maps an id to its outcome and message."""

    tests: dict[str, tuple[str, str]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    second_tries: list[str] = field(default_factory=list)

    def failed(self) -> list[str]:
        """The public tests that neither passed nor were skipped nor are known to fail."""
        return [
            test
            for test, (outcome, _) in self.tests.items()
            if outcome not in ("passed", "skipped") and test not in PRIVATE and test not in EXPECTED["failures"]
        ]


def run_processes(module: str, folder: Path, only: list[str]) -> Outcomes:
    """Run a module until every test of it has an outcome: one that ends the process is left out of the next."""
    events_file, log_file = folder / "events", folder / "log"
    outcomes = Outcomes()
    limit = time.monotonic() + MODULE_SECONDS
    command = [sys.executable, str(HERE / "run_module.py"), module, str(events_file), str(TEST_SECONDS)]
    ended = False
    while not ended:
        with log_file.open("w+", errors="replace") as log:
            process = subprocess.Popen(
                [*command, *(PREFIX + test for test in only)],
                env=ENVIRONMENT, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(1.0, limit - time.monotonic()))
            with contextlib.suppress(ProcessLookupError):  # and whatever its tests have left running
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        events = [json.loads(line) for line in events_file.read_text(encoding="utf-8").splitlines()]
        outcomes.broken = [f"{event['broken']}: {event['message']}" for event in events if "broken" in event]
        for event in events:
            if "id" in event:
                outcomes.tests[event["id"].removeprefix(PREFIX)] = (event["outcome"], event["message"])
        started = [event["start"].removeprefix(PREFIX) for event in events if "start" in event]
        lost = [test for test in started if test not in outcomes.tests]
        said = log_file.read_text(errors="replace")[-2000:]
        outcomes.tests.update({test: ("ended the process", said) for test in lost})
        finished = any("finished" in event for event in events)
        if not finished and not lost:
            outcomes.broken.append(f"the process ended between two tests: {said}")
        ended = finished or not lost or time.monotonic() > limit
    return outcomes


def run_module(module: str, folder: Path) -> Outcomes:
    """The outcomes of a module; a test that fails has a second try, when nothing else runs in its process."""
    folder.mkdir()
    outcomes = run_processes(module, folder, [])
    if failed := outcomes.failed():
        again = folder / "again"
        again.mkdir()
        second = run_processes(module, again, failed)
        outcomes.second_tries = [test for test in failed if second.tests.get(test, ("", ""))[0] == "passed"]
        outcomes.tests.update({test: second.tests[test] for test in outcomes.second_tries})
    return outcomes


@pytest.fixture(scope="session")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, concurrent.futures.Future[Outcomes]]]:
    """The outcomes to come, by module, of those modules that this run of pytest asks for."""
    asked = {item.callspec.params["module"] for item in request.session.items if hasattr(item, "callspec")}
    folder = tmp_path_factory.mktemp("suite")
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            module: pool.submit(run_module, module, folder / module) for module in EXPECTED["tests"] if module in asked
        }
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session")
def folder_of_tests() -> Path:
    spec = find_spec("tornado")
    assert spec is not None and spec.submodule_search_locations, "pip install tornado==6.6.1: its wheel has its tests"
    return Path(spec.submodule_search_locations[0], "test")


def test_every_module_of_tornados_tests_is_run(folder_of_tests: Path) -> None:
    assert {file.stem for file in folder_of_tests.glob("*_test.py")} == set(EXPECTED["tests"])


@pytest.mark.parametrize("module", EXPECTED["tests"])
def test_every_public_test_passes_or_is_listed(
    module: str, outcomes: dict[str, concurrent.futures.Future[Outcomes]]
) -> None:
    found = outcomes[module].result()
    private = [outcome for test, (outcome, _) in found.tests.items() if test in PRIVATE]
    public = {test: ended for test, ended in found.tests.items() if test not in PRIVATE}
    passed = [test for test, (outcome, _) in public.items() if outcome == "passed"]
    print(f"{module}: {len(passed)} of {len(public)} pass; of private ones {private.count('passed')} of {len(private)}")
    for test in found.second_tries:
        print(f"{test} passed when it was run a second time, by itself")
    unexpected = [
        f"{test} {outcome}: {message.strip()}"
        for test, (outcome, message) in public.items()
        if outcome != "passed" and test not in EXPECTED["skips" if outcome == "skipped" else "failures"]
    ]
    assert not unexpected, "\n".join([*unexpected, *found.broken])
    surprising = [test for test in passed if test in EXPECTED["failures"]]
    assert not surprising, f"they pass now, take them out of expected.toml: {surprising}"
    assert len(public) == EXPECTED["tests"][module], f"{len(public)} tests were found: {found.broken}"


def test_what_is_listed_exists_and_is_public() -> None:
    listed = {**EXPECTED["failures"], **EXPECTED["skips"]}
    assert not set(listed) & PRIVATE
    assert {test.partition(".")[0] for test in listed} <= set(EXPECTED["tests"])
    assert all(listed.values()), "each needs its reason"
