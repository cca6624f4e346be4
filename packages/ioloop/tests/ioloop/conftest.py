"""Fixtures of the loop's tests."""

import asyncio
import logging
from collections.abc import Iterator

import pytest

from waterspout.ioloop import IOLoop, new_event_loop


def _loop_kinds() -> list[str]:
    try:
        import uvloop  # noqa: F401
    except ImportError:
        return ["waterspout", "stock"]
    return ["waterspout", "stock", "uvloop"]


@pytest.fixture(params=_loop_kinds())
def io_loop(request: pytest.FixtureRequest) -> Iterator[IOLoop]:
    """An IOLoop on each kind of asyncio loop that there is: ours, asyncio's own, uvloop's."""
    kind = request.param
    factory = {"waterspout": new_event_loop, "stock": asyncio.new_event_loop}.get(kind, kind)
    loop = IOLoop(loop_factory=factory)
    yield loop
    if not loop.asyncio_loop.is_closed():
        loop.close(all_fds=True)


class LogRecords(logging.Handler):
    """Collects what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def messages(self) -> list[str]:
        return [record.getMessage() for record in self.records]


@pytest.fixture
def app_log_records() -> Iterator[LogRecords]:
    """What arrives at the application's log during the test."""
    from waterspout.log import app_log

    handler = LogRecords()
    app_log.addHandler(handler)
    yield handler
    app_log.removeHandler(handler)
