"""Bounds of a Locust run: requests that fail, and how long they take. One that is not kept makes the exit code 1."""

from __future__ import annotations

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment


@events.init_command_line_parser.add_listener
def _options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--most-failures", type=int, default=0, help="how many requests may fail")
    parser.add_argument("--most-p95", type=float, help="fail if 5 %% of the requests of any name take longer, ms")
    parser.add_argument("--least-requests", type=int, default=1, help="fail if a name was asked for less often")


def broken_thresholds(environment: Environment) -> list[str]:
    """A line for each bound that the run did not keep."""
    options, lines = environment.parsed_options, []
    failed = environment.stats.total.num_failures
    if failed > options.most_failures:
        reasons = "; ".join(f"{error.name}: {error.error}" for error in list(environment.stats.errors.values())[:3])
        lines.append(f"{failed} requests failed, at most {options.most_failures} may: {reasons}")
    if not environment.stats.entries:
        lines.append("nothing was asked for")
    for (name, method), entry in environment.stats.entries.items():
        slow = entry.get_response_time_percentile(0.95)
        if options.most_p95 is not None and method != "LAG" and slow > options.most_p95:
            lines.append(f"{method} {name}: 5 % took longer than {slow:.0f} ms, at most {options.most_p95:.0f} may be")
        if entry.num_requests < options.least_requests:
            lines.append(
                f"{method} {name}: {entry.num_requests} requests, at least {options.least_requests} are wanted"
            )
    return lines
