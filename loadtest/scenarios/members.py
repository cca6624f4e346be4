"""All packages at once: users sign in with an OpenID provider, long-poll, and ask what the server asks another server.

Each signs in by the redirects and the form that a browser would follow and fill in, polls until it has the last
message, asks for a price (from upstream, through the server's client) after every message, and signs out: then the
poll is refused. See accounts.py for the publisher and the verdict.
"""

from __future__ import annotations

import re
from typing import Any

from accounts import Publisher, accounts_of, note_lag
from locust import HttpUser, constant, task
from locust.exception import StopUser

__all__ = ["Member", "Publisher"]

PATIENCE = 60.0


class Member(HttpUser):
    """One browser, with cookies of its own."""

    wait_time = constant(0)

    def on_start(self) -> None:
        self.accounts = accounts_of(self.environment)
        self.number = self.accounts.join()
        self.name = f"Member {self.number}"
        self.after = 0
        self.client.trust_env = False
        self.sign_in()

    def sign_in(self) -> None:
        with self.client.get("/me", name="to the provider", catch_response=True, timeout=PATIENCE) as login:
            token = re.search(r'name="_xsrf" value="([^"]+)"', login.text)
            if login.status_code != 200 or token is None:
                login.failure(f"no form to sign in with: {login.status_code} {login.text[:200]}")
                raise StopUser
        form = {"name": self.name, "answer": "yes", "_xsrf": token[1]}
        with self.client.post(login.url, data=form, name="and back", catch_response=True, timeout=PATIENCE) as response:
            if response.status_code != 200 or response.json()["name"] != self.name:
                response.failure(f"{self.name} is not signed in: {response.status_code} {response.text[:200]}")
                raise StopUser

    @task
    def poll(self) -> None:
        path = f"/updates?after={self.after}"
        with self.client.get(path, name="/updates", catch_response=True, timeout=PATIENCE) as response:
            if response.status_code != 200 or response.json()["for"] != self.name:
                response.failure(f"{self.name} was answered {response.status_code} {response.text[:200]}")
                return
            messages: list[dict[str, Any]] = response.json()["messages"]
        self.after = self.accounts.check(self.number, self.after, messages)
        for message in messages:
            note_lag(message)
            self.price(message["number"])
        if messages and messages[-1]["last"]:
            self.sign_out()
            self.accounts.finished += 1
            raise StopUser

    def price(self, number: int) -> None:
        with self.client.get(f"/price/{number}", name="/price", catch_response=True, timeout=PATIENCE) as response:
            if response.status_code != 200 or response.json() != {"number": number, "price": 10 * number}:
                response.failure(f"{response.status_code} {response.text[:200]}")

    def sign_out(self) -> None:
        token = self.client.cookies.get("_xsrf", "")
        with self.client.post(
            "/signin/out", data={"_xsrf": token}, name="sign out", catch_response=True, timeout=PATIENCE
        ) as response:
            if response.status_code != 200:
                response.failure(f"{response.status_code} {response.text[:200]}")
        with self.client.get(
            "/updates?after=0", name="after that", catch_response=True, allow_redirects=False, timeout=PATIENCE
        ) as response:
            if response.status_code == 401:
                response.success()
            else:
                response.failure(f"a poll was answered {response.status_code} to somebody who is signed out")
