"""Coroutines made of generators, and tools to wait for several things at once.

New code is written with `async def`; everything here but `coroutine` is useful to it as well.
"""

from waterspout.concurrent import convert_yielded, moment, multi
from waterspout.gen._coroutine import coroutine, is_coroutine_function
from waterspout.gen._return import (
    BadYieldError,
    KeyReuseError,
    LeakedCallbackError,
    Return,
    ReturnValueIgnoredError,
    UnknownKeyError,
)
from waterspout.gen._runner import Runner
from waterspout.gen._wait_iterator import WaitIterator
from waterspout.gen._waiting import maybe_future, sleep, with_timeout
from waterspout.util import TimeoutError

Multi = multi
multi_future = multi

__all__ = [
    "BadYieldError",
    "KeyReuseError",
    "LeakedCallbackError",
    "Multi",
    "Return",
    "ReturnValueIgnoredError",
    "Runner",
    "TimeoutError",
    "UnknownKeyError",
    "WaitIterator",
    "convert_yielded",
    "coroutine",
    "is_coroutine_function",
    "maybe_future",
    "moment",
    "multi",
    "multi_future",
    "sleep",
    "with_timeout",
]
