"""Tests of asynchronous code: for unittest, and by a plugin for pytest."""

from waterspout.asynctest._case import AsyncTestCase
from waterspout.asynctest._context import setup_with_context_manager
from waterspout.asynctest._expect_log import ExpectLog
from waterspout.asynctest._gen_test import gen_test
from waterspout.asynctest._main import main
from waterspout.asynctest._ports import bind_unused_port
from waterspout.asynctest._streams import memory_stream_pair
from waterspout.asynctest._timeout import get_async_test_timeout

__all__ = [
    "AsyncTestCase",
    "ExpectLog",
    "bind_unused_port",
    "gen_test",
    "get_async_test_timeout",
    "main",
    "memory_stream_pair",
    "setup_with_context_manager",
]
