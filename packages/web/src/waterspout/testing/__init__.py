"""Testing asynchronous code and web applications."""

from waterspout.asynctest import (
    AsyncTestCase,
    ExpectLog,
    bind_unused_port,
    gen_test,
    get_async_test_timeout,
    main,
    setup_with_context_manager,
)
from waterspout.testing._client import InProcessClient, StreamedResponse
from waterspout.testing._http import AsyncHTTPSTestCase, AsyncHTTPTestCase

__all__ = [
    "AsyncHTTPSTestCase",
    "AsyncHTTPTestCase",
    "AsyncTestCase",
    "ExpectLog",
    "InProcessClient",
    "StreamedResponse",
    "bind_unused_port",
    "gen_test",
    "get_async_test_timeout",
    "main",
    "setup_with_context_manager",
]
