"""Futures: asyncio's and concurrent.futures', run_on_executor, and what coroutines may yield."""

from typing import TYPE_CHECKING

from waterspout.concurrent._futures import (
    FUTURES,
    Future,
    ReturnValueIgnoredError,
    chain_future,
    future_add_done_callback,
    future_set_exc_info,
    future_set_exception_unless_cancelled,
    future_set_result_unless_cancelled,
    is_future,
)
from waterspout.util._exports import exports

if TYPE_CHECKING:
    from waterspout.concurrent._executors import DummyExecutor, dummy_executor, run_on_executor
    from waterspout.concurrent._lazy import LazyFuture, ReadyFuture
    from waterspout.concurrent._yielded import BadYieldError, as_loop_future, convert_yielded, moment, multi

__all__ = [
    "FUTURES",
    "BadYieldError",
    "DummyExecutor",
    "Future",
    "LazyFuture",
    "ReadyFuture",
    "ReturnValueIgnoredError",
    "as_loop_future",
    "chain_future",
    "convert_yielded",
    "dummy_executor",
    "future_add_done_callback",
    "future_set_exc_info",
    "future_set_exception_unless_cancelled",
    "future_set_result_unless_cancelled",
    "is_future",
    "moment",
    "multi",
    "run_on_executor",
]

if not TYPE_CHECKING:
    __getattr__ = exports(
        __name__,
        _yielded="BadYieldError as_loop_future convert_yielded moment multi",
        _lazy="LazyFuture ReadyFuture",
        _executors="DummyExecutor dummy_executor run_on_executor",
    )
