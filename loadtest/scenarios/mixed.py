"""A site as browsers use it: pages, a form with its XSRF token, static files that are kept, JSON; answers are checked.

The run takes ``--run-time``; a threshold that is not kept (thresholds.py), or an answer that is wrong, makes the exit
code 1.
"""

from __future__ import annotations

import re
from typing import Any

from locust import FastHttpUser, between, events, task
from locust.contrib.fasthttp import FastResponse
from locust.env import Environment
from locust.runners import WorkerRunner
from thresholds import broken_thresholds


class Visitor(FastHttpUser):
    """One browser: it has cookies, and keeps what it was told it may keep."""

    wait_time = between(0.1, 0.5)

    def on_start(self) -> None:
        self.tags: dict[str, str] = {}
        self.stories = 0

    def expect(self, response: FastResponse, status: int, text: str = "") -> bool:
        """Book the answer as failed unless it has this status and this text in it."""
        if response.status_code != status:
            response.failure(f"status {response.status_code} instead of {status}")
        elif text not in (response.text or ""):
            response.failure(f"no {text!r} in {response.text[:200]!r}")
        else:
            return True
        return False

    @task(5)
    def page(self) -> None:
        name = f"visitor {id(self) % 1000} <b>"
        with self.client.get(f"/?name={name}", name="/", catch_response=True) as response:
            if self.expect(response, 200, "&lt;b&gt;"):
                for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', response.text):
                    self.static(path)

    def static(self, path: str) -> None:
        headers = {"If-None-Match": self.tags[path]} if path in self.tags else {}
        with self.client.get(path, headers=headers, name="/static", catch_response=True) as response:
            if self.expect(response, 304 if headers else 200):
                self.tags[path] = response.headers["Etag"]

    @task(2)
    def write_a_story(self) -> None:
        """The form, its token, and the page that it leads to."""
        with self.client.get("/write", catch_response=True) as response:
            found = re.search(r'name="_xsrf" value="([^"]+)"', response.text or "")
            if not self.expect(response, 200) or found is None:
                return
        self.stories += 1
        title = f"story {self.stories} of {id(self)}"
        form = {"title": title, "_xsrf": found[1]}
        with self.client.post("/write", data=form, catch_response=True) as response:
            self.expect(response, 200, title)

    @task(3)
    def api(self) -> None:
        sent = {"numbers": list(range(20)), "name": "søren"}
        with self.client.post("/api/sum", json=sent, catch_response=True) as response:
            answer: dict[str, Any] = response.json() if response.status_code == 200 else {}
            if answer != {"sum": 190, "name": "søren"}:
                response.failure(f"{response.status_code} {answer}")

    @task(1)
    def nowhere(self) -> None:
        with self.client.get("/nowhere", catch_response=True) as response:
            if response.status_code == 404:
                response.success()
            else:
                response.failure(f"status {response.status_code} instead of 404")


@events.quitting.add_listener
def _verdict(environment: Environment, **_unused: Any) -> None:
    if isinstance(environment.runner, WorkerRunner):
        return
    lines = broken_thresholds(environment)
    for line in lines:
        print(f"WRONG: {line}")
    total = environment.stats.total
    print(f"{total.num_requests} requests, {total.num_failures} failed, {len(lines)} faults")
    environment.process_exit_code = 1 if lines else 0
