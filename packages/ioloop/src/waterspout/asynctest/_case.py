"""`AsyncTestCase`: a unittest test case with a loop of its own for each test."""

from __future__ import annotations

import asyncio
import inspect
import unittest
from collections.abc import Callable, Generator
from typing import Any

from waterspout.asynctest._teardown import finish_loop
from waterspout.asynctest._timeout import get_async_test_timeout
from waterspout.ioloop import IOLoop


class AsyncTestCase(unittest.TestCase):
    """A test case whose tests run on a fresh IOLoop, ``self.io_loop``.

    A test is written as a coroutine under `gen_test`, or with callbacks: start something that calls `stop` in the end,
    and `wait` for it. Whatever is left running when a test is over is cancelled, and all files of the loop are closed.
    """

    __module__ = "waterspout.asynctest"

    io_loop: IOLoop

    def __init__(self, methodName: str = "runTest") -> None:
        super().__init__(methodName)
        self.__stopped = False
        self.__waiting = False
        self.__result: Any = None
        self.__previous: asyncio.AbstractEventLoop | None = None

    def setUp(self) -> None:
        """Make the loop; overriding methods call this first."""
        super().setUp()
        before = IOLoop.current(instance=False)
        self.__previous = before.asyncio_loop if before is not None else None
        self.io_loop = self.get_new_ioloop()
        asyncio.set_event_loop(self.io_loop.asyncio_loop)

    def tearDown(self) -> None:
        """Close the loop; overriding methods call this last."""
        if self.io_loop.asyncio_loop is self.__previous:
            # get_new_ioloop returned a loop that others use, too.
            super().tearDown()
            return
        finish_loop(self.io_loop)
        previous, self.__previous = self.__previous, None
        asyncio.set_event_loop(None if previous is None or previous.is_closed() else previous)
        super().tearDown()

    def get_new_ioloop(self) -> IOLoop:
        """The loop for one test; a subclass may return one of another kind, or ``IOLoop.current()``."""
        made: IOLoop = IOLoop(make_current=False)
        return made

    def _callTestMethod(self, method: Callable[[], Any]) -> None:
        # unittest only warns of a test that returned something; a coroutine that nobody ran is a test that passed
        # unseen.
        result = method()
        if isinstance(result, Generator) or inspect.iscoroutine(result):
            result.close()
            raise TypeError(
                "Generator and coroutine test methods should be decorated with gen_test:"
                f" {type(self).__qualname__}.{self._testMethodName}"
            )
        if result is not None:
            raise ValueError(f"Return value from test method ignored: {result!r}")

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Run the test, as unittest does."""
        return super().run(result)

    def stop(self, _arg: Any = None, **kwargs: Any) -> None:
        """Make `wait` return ``_arg``, or the keywords as a dictionary; now, or when it is called."""
        if _arg is not None and kwargs:
            raise AssertionError("stop takes an argument or keywords, not both")
        self.__result = kwargs or _arg
        self.__stopped = True
        if self.__waiting:
            self.__waiting = False
            self.io_loop.stop()

    def wait(self, condition: Callable[..., bool] | None = None, timeout: float | None = None) -> Any:
        """Run the loop until `stop` is called (and then ``condition()`` is true); returns what `stop` was given.

        The test fails after ``timeout`` seconds (None: as `get_async_test_timeout` says; 0: never).
        """
        if timeout is None:
            timeout = get_async_test_timeout()
        expired: list[bool] = []

        def expire() -> None:
            expired.append(True)
            self.io_loop.stop()

        timer = self.io_loop.call_later(timeout, expire) if timeout else None
        try:
            while not expired and not (self.__stopped and (condition is None or condition())):
                self.__stopped = False
                self.__waiting = True
                self.io_loop.start()
        finally:
            self.__waiting = False
            if timer is not None:
                timer.cancel()
        if expired:
            raise self.failureException(f"Async operation timed out after {timeout} seconds")
        result, self.__result = self.__result, None
        self.__stopped = False
        return result
