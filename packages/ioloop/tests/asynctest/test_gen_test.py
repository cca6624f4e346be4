"""`gen_test`."""

import asyncio
import traceback
import unittest

import pytest

from waterspout import gen
from waterspout.asynctest import AsyncTestCase, gen_test, get_async_test_timeout
from waterspout.ioloop import IOLoop


class Case(AsyncTestCase):
    """Its methods are called by the tests below, not collected."""

    __test__ = False

    @gen_test
    async def native(self, *args, **kwargs):
        await asyncio.sleep(0)
        self.seen = args, kwargs

    @gen_test
    def generator(self, *args, **kwargs):
        yield gen.sleep(0)
        self.seen = args, kwargs

    @gen_test(timeout=0.01)
    async def slow_native(self):
        try:
            await asyncio.sleep(100)  # here it waits
        finally:
            self.seen = "cleaned up"

    @gen_test(timeout=0.01)
    def slow_generator(self):
        try:
            yield asyncio.sleep(100)  # here it waits
        finally:
            self.seen = "cleaned up"

    @gen_test(timeout=0.01)
    def stubborn_generator(self):
        while True:
            try:
                yield gen.sleep(100)
            except Exception:
                self.seen = "swallowed"

    @gen_test
    async def failing(self):
        raise ZeroDivisionError

    @gen_test
    def plain(self):
        return 5

    @gen_test()
    async def with_parentheses(self):
        return None


@pytest.fixture
def case():
    made = Case("native")
    made.setUp()
    yield made
    made.tearDown()


@pytest.mark.parametrize("name", ["native", "generator"])
def test_coroutines_run_to_their_end_with_their_arguments(case, name):
    assert getattr(case, name)(1, key=2) is None
    assert case.seen == ((1,), {"key": 2})


@pytest.mark.parametrize("name", ["slow_native", "slow_generator"])
def test_timeout_shows_where_it_waited_and_lets_it_clean_up(case, name):
    with pytest.raises(TimeoutError) as caught:
        getattr(case, name)()
    assert "# here it waits" in "".join(traceback.format_exception(caught.value))
    assert case.seen == "cleaned up"


def test_test_that_swallows_the_timeout_fails_all_the_same(case):
    with pytest.raises(TimeoutError):
        case.stubborn_generator()
    assert case.seen == "swallowed"


def test_exception_comes_out(case):
    with pytest.raises(ZeroDivisionError):
        case.failing()


def test_plain_function_gives_back_what_it_returned_so_that_the_case_complains(case):
    assert case.plain() == 5


def test_decorator_with_parentheses(case):
    assert case.with_parentheses() is None


def test_name_and_documentation_are_the_tests():
    assert Case.native.__name__ == "native"
    assert Case.native.__wrapped__ is not None


def test_timeout_of_the_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("ASYNC_TEST_TIMEOUT", "0.005")

    class Slow(AsyncTestCase):
        @gen_test
        async def test(self):
            await asyncio.sleep(100)

    result = unittest.TestResult()
    Slow("test").run(result)
    assert "timed out after 0.005 seconds" in result.errors[0][1]


def test_function_with_an_io_loop_argument():
    @gen_test
    async def test(io_loop, more):
        return (IOLoop.current() is io_loop, more)

    io_loop = IOLoop(make_current=False)
    try:
        assert test(io_loop=io_loop, more=2) == (True, 2)
    finally:
        io_loop.close()


@pytest.mark.parametrize("text, seconds", [("7", 7), ("0.25", 0.25), ("soon", 5), (None, 5)])
def test_timeout_comes_from_the_environment_or_is_five_seconds(monkeypatch, text, seconds):
    if text is None:
        monkeypatch.delenv("ASYNC_TEST_TIMEOUT", raising=False)
    else:
        monkeypatch.setenv("ASYNC_TEST_TIMEOUT", text)
    assert get_async_test_timeout() == seconds
