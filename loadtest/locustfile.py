"""Long-polling users and one publisher, with exact accounts: each user must get each message exactly once, in order.

The publisher waits until all users poll, publishes for ``--publish-seconds``, marks its last message, and waits
until every user has it. Only then does the run end, so a verdict never cuts off an answer that is on its way. A
message that is lost, doubled or out of order, a failed request, a user that never got the last message, or a poll
that is still waiting on the server afterwards: exit code 1, with one line for each. ``python loadtest/run.py -u 200
-t 8s`` starts the server, too.
"""

from __future__ import annotations

import time
from typing import Any

import gevent
from locust import FastHttpUser, constant, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser

POLL_SECONDS = 60.0


class Accounts:
    """What each user has received, and what was wrong."""

    def __init__(self) -> None:
        self.users = 0
        self.published = 0
        self.received: dict[int, int] = {}
        self.finished = 0
        self.wrong: list[str] = []

    def check(self, user: int, after: int, messages: list[dict[str, Any]]) -> int:
        """Book the numbers that ``user``, who had got all up to ``after``, was sent; returns the new last number."""
        numbers = [message["number"] for message in messages]
        expected = list(range(after + 1, after + 1 + len(numbers)))
        if numbers != expected or not numbers:
            self.wrong.append(
                f"user {user} had {after} and was sent {numbers} instead of {expected or 'at least one message'}"
            )
        self.received[user] += len(numbers)
        return max(numbers, default=after)


def accounts_of(environment: Environment) -> Accounts:
    accounts: Accounts = environment.parsed_options.accounts
    return accounts


@events.init_command_line_parser.add_listener
def _options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--publish-seconds", type=float, default=8.0, help="how long messages are published")
    parser.add_argument("--publish-every", type=float, default=0.1, help="seconds between two messages")
    parser.add_argument(
        "--drain-seconds", type=float, default=30.0, help="how long the last message may take to reach everybody"
    )


@events.init.add_listener
def _open_accounts(environment: Environment, **_unused: Any) -> None:
    if environment.parsed_options is not None:
        environment.parsed_options.accounts = Accounts()


class Reader(FastHttpUser):
    """Polls until it has the last message."""

    wait_time = constant(0)
    network_timeout = POLL_SECONDS
    connection_timeout = POLL_SECONDS

    def on_start(self) -> None:
        self.accounts = accounts_of(self.environment)
        self.number = self.accounts.users
        self.accounts.users += 1
        self.accounts.received[self.number] = 0
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
            lag = (time.time() - message["at"]) * 1000
            events.request.fire(
                request_type="LAG",
                name="publish to receive",
                response_time=lag,
                response_length=0,
                exception=None,
                context={},
            )
        if messages and messages[-1]["last"]:
            self.accounts.finished += 1
            raise StopUser


class Publisher(FastHttpUser):
    """Publishes, then waits until everybody has everything, then ends the run."""

    fixed_count = 1
    wait_time = constant(0)

    def _waiting(self) -> int:
        with self.client.get("/stat", name="/stat") as response:
            return int(response.json()["waiting"])

    def _publish(self, last: str = "no") -> None:
        with self.client.post(
            "/publish", data={"at": repr(time.time()), "last": last}, catch_response=True
        ) as response:
            accounts = accounts_of(self.environment)
            accounts.published += 1
            if response.status_code != 200 or response.json()["number"] != accounts.published:
                response.failure(f"message {accounts.published}: {response.status_code} {response.text}")

    @task
    def publish(self) -> None:
        options = self.environment.parsed_options
        accounts = accounts_of(self.environment)
        readers = options.num_users - self.fixed_count
        self._wait_until(lambda: self._waiting() == readers, options.drain_seconds, f"{readers} users poll")
        ends = time.monotonic() + options.publish_seconds
        while time.monotonic() < ends:
            self._publish()
            gevent.sleep(options.publish_every)
        self._publish(last="yes")
        self._wait_until(
            lambda: accounts.finished == readers, options.drain_seconds, f"{readers} users have the last message"
        )
        # All have gone on their own; nothing of theirs may be left on the server.
        self._wait_until(lambda: self._waiting() == 0, 5.0, "no poll is waiting any more")
        self._settle(readers)
        gevent.spawn(self.environment.runner.quit)
        raise StopUser

    def _settle(self, readers: int) -> None:
        accounts = accounts_of(self.environment)
        for user, count in accounts.received.items():
            if count != accounts.published:
                accounts.wrong.append(f"user {user} got {count} of {accounts.published} messages")
        if len(accounts.received) != readers:
            accounts.wrong.append(f"{len(accounts.received)} users took part instead of {readers}")
        with self.client.get("/stat", name="/stat") as response:
            delivered = response.json()["delivered"]
        if delivered != readers * accounts.published:
            accounts.wrong.append(
                f"the server delivered {delivered} messages, {readers} x {accounts.published} were due"
            )

    def _wait_until(self, condition: Any, seconds: float, meaning: str) -> None:
        limit = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > limit:
                accounts_of(self.environment).wrong.append(f"not reached in {seconds:.0f} s: {meaning}")
                return
            gevent.sleep(0.05)


@events.quitting.add_listener
def _verdict(environment: Environment, **_unused: Any) -> None:
    accounts = accounts_of(environment)
    wrong = list(accounts.wrong)
    if not accounts.published:
        wrong.append("nothing was published")
    if environment.stats.total.num_failures:
        wrong.append(f"{environment.stats.total.num_failures} requests failed")
    # StopUser ends a reader that has it all; one that is missing was cut off by the end of the run.
    if accounts.finished != accounts.users:
        wrong.append(f"{accounts.users - accounts.finished} of {accounts.users} users never got the last message")
    for line in wrong[:20]:
        print(f"WRONG: {line}")
    total = sum(accounts.received.values())
    print(f"{accounts.users} users, {accounts.published} messages, {total} deliveries, {len(wrong)} faults")
    environment.process_exit_code = 1 if wrong else 0
