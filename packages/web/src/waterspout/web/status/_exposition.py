"""The numbers as text for Prometheus (text exposition format 0.0.4), without a library.

Names are those of `waterspout.httpserver.PrometheusMetrics`, which has more of them and labels methods, too.
"""

from __future__ import annotations

from collections.abc import Iterator

from waterspout.web.status._histogram import Histogram
from waterspout.web.status._numbers import Numbers
from waterspout.web.status._routes import Route

__all__ = ["CONTENT_TYPE", "exposition"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "http_server_"
#: Ends of buckets that are sent, as octaves from the first: 1 ms to 128 s. Shorter ones fall into the first.
FIRST_OCTAVE = 7


def exposition(numbers: Numbers) -> str:
    """All counters, gauges and histograms of *numbers*."""
    return "\n".join([*_single(numbers), *_by_route(numbers), ""])


def _single(numbers: Numbers) -> Iterator[str]:
    waiting = numbers.waiting()
    last = numbers.samples[-1] if numbers.samples else None
    yield from _family("counter", "received_bytes_total", "Content of requests", numbers.received)
    yield from _family("counter", "sent_bytes_total", "Content of responses", numbers.sent)
    yield from _family("counter", "refused_total", "What was no request", numbers.refused)
    yield from _family("counter", "connections_accepted_total", "Connections served", numbers.accepted)
    yield from _family("counter", "connections_shed_total", "Connections turned away by a limit", numbers.shed)
    yield from _family("gauge", "connections", "Open connections", numbers.connections)
    yield from _family("gauge", "requests_active", "Requests being read or answered", numbers.active)
    yield from _family("gauge", "requests_waiting", "Requests without an answer for a second", waiting.number)
    yield from _family("gauge", "oldest_waiting_seconds", "How long the oldest of them waits", round(waiting.oldest, 3))
    yield from _family("gauge", "streams", "Answers that go on for more than a second", waiting.streams)
    yield from _family("gauge", "websockets", "Connections that another protocol has", numbers.websockets)
    yield from _family("gauge", "loop_lag_seconds", "How late a timer came, at worst", last.lag if last else 0)
    yield from _family("gauge", "start_time_seconds", "Since when this is counted", round(numbers.started, 3))


def _family(kind: str, name: str, text: str, value: float) -> Iterator[str]:
    yield f"# HELP {PREFIX}{name} {text}"
    yield f"# TYPE {PREFIX}{name} {kind}"
    yield f"{PREFIX}{name} {value}"


def _by_route(numbers: Numbers) -> Iterator[str]:
    routes: list[Route] = list(numbers.by_route)
    name = f"{PREFIX}requests_total"
    yield f"# HELP {name} Requests that are over, by the first digit of their status"
    yield f"# TYPE {name} counter"
    for route in routes:
        for digit, number in enumerate(route.over):
            if number:
                status = f"{digit}xx" if digit else "cut off"
                yield f'{name}{{route="{_label(route.name)}",status="{status}"}} {number}'
    name = f"{PREFIX}answer_seconds"
    yield f"# HELP {name} From the head of a request to the head of its answer"
    yield f"# TYPE {name} histogram"
    for route in routes:
        yield from _histogram(name, f'route="{_label(route.name)}"', route.total)


def _histogram(name: str, label: str, times: Histogram) -> Iterator[str]:
    for end, number in times.octaves()[FIRST_OCTAVE - 1 : -1]:
        yield f'{name}_bucket{{{label},le="{end:.9g}"}} {number}'
    yield f'{name}_bucket{{{label},le="+Inf"}} {times.count}'
    yield f"{name}_sum{{{label}}} {times.seconds:.6f}"
    yield f"{name}_count{{{label}}} {times.count}"


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
