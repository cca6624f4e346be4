"""Exact accounts of messages in a Locust run, in however many processes: each user must get each message exactly once.

A scenario has its readers (`check` what each is sent, count up `finished` when it has the last) and the `Publisher`
here, which waits until all readers wait, publishes for ``--publish-seconds``, marks its last message, and waits until
every reader has it. Only then does the run end, so a verdict never cuts off an answer that is on its way. A message
that is lost, doubled or out of order, a failed request, a reader that never got the last message, one that is still
waiting on the server afterwards, or a threshold that is not kept: exit code 1, with one line for each.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import gevent
import locust.runners
from locust import FastHttpUser, constant, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import WorkerRunner
from thresholds import broken_thresholds

# Heartbeats (seconds) that a worker may miss. It makes 5,000 connections at once, and Locust, which takes one that is
# silent for 3 seconds for lost, would have others make its users again.
locust.runners.HEARTBEAT_LIVENESS = 60


class Accounts:
    """What each user of this process received, and what was wrong; `reports` holds the other processes' accounts."""

    def __init__(self) -> None:
        self.users = 0
        self.published = 0
        self.received: dict[int, int] = {}
        self.finished = 0
        self.wrong: list[str] = []
        self.reports: dict[str, dict[str, Any]] = {}

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

    def join(self) -> int:
        """The number of a reader that begins."""
        self.users += 1
        self.received[self.users] = 0
        return self.users

    def report(self) -> dict[str, Any]:
        """This process's accounts in a form that can be sent: how many users got how many messages."""
        return {
            "users": self.users,
            "published": self.published,
            "finished": self.finished,
            "received": sorted(Counter(self.received.values()).items()),
            "wrong": self.wrong[:50],
        }

    def total(self) -> dict[str, Any]:
        """The accounts of all processes together."""
        reports = [self.report(), *self.reports.values()]
        received: Counter[int] = Counter()
        for report in reports:
            received.update(dict(report["received"]))
        sums = {name: sum(report[name] for report in reports) for name in ("users", "published", "finished")}
        return {**sums, "received": received, "wrong": [line for report in reports for line in report["wrong"]]}


def note_lag(message: dict[str, Any]) -> None:
    """Book the milliseconds from the publication of ``message`` until now."""
    lag = (time.time() - message["at"]) * 1000
    events.request.fire(
        request_type="LAG",
        name="publish to receive",
        response_time=lag,
        response_length=0,
        exception=None,
        context={},
    )


def accounts_of(environment: Environment) -> Accounts:
    # Not among the parsed options: the master sends those to its workers.
    accounts: Accounts = vars(environment)["accounts"]
    return accounts


@events.init_command_line_parser.add_listener
def _options(parser: LocustArgumentParser) -> None:
    # Locust's own --users counts the publisher, too, and stays with the master.
    parser.add_argument("--readers", type=int, required=True, help="how many users poll")
    parser.add_argument("--publish-seconds", type=float, default=8.0, help="how long messages are published")
    parser.add_argument("--publish-every", type=float, default=0.1, help="seconds between two messages")
    parser.add_argument(
        "--drain-seconds", type=float, default=30.0, help="how long the last message may take to reach everybody"
    )
    parser.add_argument("--most-lag", type=float, help="fail if 99 %% of the messages take longer, milliseconds")


@events.init.add_listener
def _open_accounts(environment: Environment, **_unused: Any) -> None:
    if environment.parsed_options is not None:
        vars(environment)["accounts"] = Accounts()
        if isinstance(environment.runner, WorkerRunner):
            events.report_to_master.add_listener(_send_accounts(environment))
        elif environment.runner is not None:
            environment.runner.register_message("published", _end_when_received)
            events.worker_report.add_listener(_take_accounts(environment))


def _send_accounts(environment: Environment) -> Callable[..., None]:
    def send(client_id: str, data: dict[str, Any]) -> None:
        data["accounts"] = accounts_of(environment).report()

    return send


def _take_accounts(environment: Environment) -> Callable[..., None]:
    def take(client_id: str, data: dict[str, Any]) -> None:
        if "accounts" in data:
            accounts_of(environment).reports[client_id] = data["accounts"]

    return take


def _end_when_received(environment: Environment, **_unused: Any) -> None:
    """The publisher has published: end the run when every user, in whatever process, has the last message."""

    def wait() -> None:
        options = environment.parsed_options
        limit = time.monotonic() + options.drain_seconds
        while accounts_of(environment).total()["finished"] < options.readers and time.monotonic() < limit:
            gevent.sleep(0.1)
        environment.runner.quit()

    gevent.spawn(wait)


class Publisher(FastHttpUser):
    """Publishes, then waits until everybody has everything, then ends the run."""

    fixed_count = 1
    wait_time = constant(0)

    def _stat(self) -> dict[str, int]:
        with self.client.get("/stat", name="/stat") as response:
            answer: dict[str, int] = response.json()
            return answer

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
        readers = options.readers
        self._wait_until(lambda: self._stat()["waiting"] == readers, options.drain_seconds, f"{readers} users poll")
        ends = time.monotonic() + options.publish_seconds
        while time.monotonic() < ends:
            self._publish()
            gevent.sleep(options.publish_every)
        self._publish(last="yes")
        due = readers * accounts.published
        # All go on their own when they have the last message; nothing of theirs may be left on the server.
        self._wait_until(
            lambda: self._stat() == {"waiting": 0, "messages": accounts.published, "delivered": due},
            options.drain_seconds,
            f"{readers} x {accounts.published} messages delivered, and no poll is waiting any more",
        )
        self.environment.runner.send_message("published")
        raise StopUser

    def _wait_until(self, condition: Any, seconds: float, meaning: str) -> None:
        limit = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > limit:
                accounts_of(self.environment).wrong.append(f"not reached in {seconds:.0f} s: {meaning}")
                return
            gevent.sleep(0.05)


@events.quitting.add_listener
def _verdict(environment: Environment, **_unused: Any) -> None:
    if isinstance(environment.runner, WorkerRunner):
        return  # it has sent its accounts; the master speaks for all
    options = environment.parsed_options
    total = accounts_of(environment).total()
    wrong, users, published = list(total["wrong"]), total["users"], total["published"]
    if not published:
        wrong.append("nothing was published")
    if users != options.readers:
        wrong.append(f"{users} users took part instead of {options.readers}")
    wrong += [
        f"{many} users got {n} of {published} messages" for n, many in total["received"].items() if n != published
    ]
    wrong += broken_thresholds(environment)
    # StopUser ends a reader that has it all; one that is missing was cut off by the end of the run.
    if total["finished"] != users:
        wrong.append(f"{users - total['finished']} of {users} users never got the last message")
    lag = environment.stats.get("publish to receive", "LAG").get_response_time_percentile(0.99)
    if options.most_lag is not None and lag > options.most_lag:
        wrong.append(f"1 % of the messages took longer than {lag:.0f} ms, at most {options.most_lag:.0f} are allowed")
    for line in wrong[:20]:
        print(f"WRONG: {line}")
    deliveries = sum(n * many for n, many in total["received"].items())
    print(
        f"{users} users in {len(accounts_of(environment).reports) or 1} processes, {published} messages,"
        f" {deliveries} deliveries, {len(wrong)} faults, 99 % within {lag:.0f} ms"
    )
    environment.process_exit_code = 1 if wrong else 0
