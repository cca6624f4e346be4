"""The example that hands long jobs to a task queue, with a real Redis and a real worker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

START = Path(__file__).resolve().parents[2] / "examples" / "jobs" / "start.py"
PATIENCE = 150.0
PRIMES_BELOW = {100_000: 9_592, 400_000: 33_860}


class Jobs:
    """The running example: a client of its application, the pid of its worker, what it writes."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(START), "--port", "0"], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.process.stdout is not None
        said = "".join(self.process.stdout.readline() for _ in range(2))
        address, worker = re.search(r"http://\S+/", said), re.search(r"pid is (\d+)", said)
        assert address and worker, said
        self.client = httpx.Client(base_url=address[0], timeout=PATIENCE, trust_env=False)
        self.worker = int(worker[1])

    def start(self, limit: int) -> str:
        answer = self.client.post("/jobs", json={"limit": limit})
        assert answer.status_code == 202 and answer.headers["Location"] == f"/jobs/{answer.json()['job']}"
        return str(answer.json()["job"])

    def messages(self, job: str, until: str = "ready") -> list[dict[str, Any]]:
        """All that a job tells until it is in a state, by long polls."""
        found: list[dict[str, Any]] = []
        limit = time.monotonic() + PATIENCE
        while not found or found[-1]["state"] != until:
            assert time.monotonic() < limit, found
            after = found[-1]["cursor"] if found else 0
            answer = httpx.get(f"{self.client.base_url}jobs/{job}?after={after}", timeout=PATIENCE, trust_env=False)
            answer.raise_for_status()
            found += answer.json()["messages"]
        return found

    def stop(self) -> int:
        self.client.close()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=PATIENCE)
        finally:
            self.process.kill()
        return self.process.returncode


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    example = Jobs()
    yield example
    assert example.stop() == 0


def test_a_job_tells_how_far_it_is_and_then_its_result_to_all_who_wait(jobs: Jobs) -> None:
    job = jobs.start(100_000)
    told: list[list[dict[str, Any]]] = []
    waiting = [threading.Thread(target=lambda: told.append(jobs.messages(job))) for _ in range(5)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(PATIENCE)
    assert len(told) == 5 and all(messages == told[0] for messages in told)
    states = [message["state"] for message in told[0]]
    assert states == ["queued", *["working"] * 10, "ready"]
    assert [message["done"] for message in told[0][1:-1]] == [n / 10 for n in range(1, 11)]
    assert told[0][-1]["primes"] == PRIMES_BELOW[100_000]
    # Whoever comes later is told, too.
    assert jobs.messages(job) == told[0]


def test_a_job_whose_worker_is_killed_is_done_by_another_and_tells_nothing_twice(jobs: Jobs) -> None:
    job = jobs.start(400_000)
    jobs.messages(job, until="working")
    os.killpg(jobs.worker, signal.SIGKILL)
    messages = jobs.messages(job)
    assert [message["state"] for message in messages] == ["queued", *["working"] * 10, "ready"]
    assert messages[-1]["primes"] == PRIMES_BELOW[400_000]


def test_what_is_no_job_is_refused(jobs: Jobs) -> None:
    for body in ({"limit": 0}, {"limit": "many"}, {"limit": 5_000_001}, {"limit": True}, {}, [1]):
        assert jobs.client.post("/jobs", json=body).status_code == 400
    assert jobs.client.post("/jobs", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert jobs.client.post("/jobs", content=b"limit=5").status_code == 415
    assert jobs.client.get("/jobs/unknown").status_code == 404
    job = jobs.start(10)
    for after in ("x", "999999", "9" * 30, "9" * 5000):
        assert jobs.client.get(f"/jobs/{job}?after={after}").status_code == 400
    page = jobs.client.get("/")
    assert page.status_code == 200 and not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", page.text)
