"""Long polling: every user polls until it has the last message; see accounts.py for the publisher and the verdict."""

from __future__ import annotations

from typing import Any

from accounts import Publisher, accounts_of, note_lag
from locust import FastHttpUser, constant, task
from locust.exception import StopUser

__all__ = ["Publisher", "Reader"]

POLL_SECONDS = 60.0


class Reader(FastHttpUser):
    """Polls until it has the last message."""

    wait_time = constant(0)
    network_timeout = POLL_SECONDS
    connection_timeout = POLL_SECONDS

    def on_start(self) -> None:
        self.accounts = accounts_of(self.environment)
        self.number = self.accounts.join()
        self.after = 0

    @task
    def poll(self) -> None:
        with self.client.get(f"/updates?after={self.after}", name="/updates", catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"the poll was answered with {response.status_code}")
                return
            messages: list[dict[str, Any]] = response.json()["messages"]
        self.after = self.accounts.check(self.number, self.after, messages)
        for message in messages:
            note_lag(message)
        if messages and messages[-1]["last"]:
            self.accounts.finished += 1
            raise StopUser
