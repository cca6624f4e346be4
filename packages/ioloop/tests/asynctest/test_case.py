"""`AsyncTestCase`, as unittest runs it."""

import asyncio
import contextlib
import socket
import unittest

import pytest

from waterspout.asynctest import AsyncTestCase, setup_with_context_manager
from waterspout.ioloop import IOLoop, PeriodicCallback


def run(function, base=AsyncTestCase, **more):
    """Run ``function`` as the only test of a case; returns unittest's result."""
    case = type("Case", (base,), {"test_it": function, **more})("test_it")
    result = unittest.TestResult()
    case.run(result)
    assert result.testsRun == 1
    return result


def errors(result):
    return [text for _, text in [*result.errors, *result.failures]]


def assert_passed(result):
    assert errors(result) == []


def test_each_test_has_a_fresh_loop_that_is_current_and_closed_afterwards():
    loops = []

    def test(self):
        loops.append(self.io_loop)
        assert IOLoop.current() is self.io_loop

    assert_passed(run(test))
    assert_passed(run(test))
    assert loops[0] is not loops[1]
    assert all(loop.asyncio_loop.is_closed() for loop in loops)


def test_loop_that_was_current_before_is_current_afterwards():
    before = IOLoop()
    try:
        assert_passed(run(lambda self: None))
        assert IOLoop.current() is before
    finally:
        before.close()


def test_wait_returns_what_stop_was_given():
    def test(self):
        self.io_loop.add_callback(self.stop, 5)
        assert self.wait() == 5
        self.io_loop.add_callback(self.stop, a=1, b=2)
        assert self.wait() == {"a": 1, "b": 2}
        self.io_loop.add_callback(self.stop)
        assert self.wait() is None

    assert_passed(run(test))


def test_stop_before_wait_counts():
    def test(self):
        self.stop(7)
        assert self.wait() == 7
        with pytest.raises(self.failureException):
            self.wait(timeout=0.001)

    assert_passed(run(test))


def test_stop_with_argument_and_keyword_is_refused():
    assert "not both" in errors(run(lambda self: self.stop(1, b=2)))[0]


def test_wait_with_a_condition_goes_on_until_it_holds():
    def test(self):
        seen = []

        def tick():
            seen.append(1)
            self.stop(len(seen))

        periodic = PeriodicCallback(tick, 1)
        periodic.start()
        assert self.wait(lambda: len(seen) >= 3) == 3
        periodic.stop()

    assert_passed(run(test))


def test_wait_fails_the_test_after_its_timeout():
    (text,) = errors(run(lambda self: self.wait(timeout=0.002)))
    assert "Async operation timed out after 0.002 seconds" in text


def test_timeout_of_the_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("ASYNC_TEST_TIMEOUT", "0.003")
    (text,) = errors(run(lambda self: self.wait()))
    assert "after 0.003 seconds" in text


def test_timeout_of_an_earlier_wait_does_not_end_a_later_one():
    def test(self):
        self.io_loop.add_callback(self.stop)
        self.wait(timeout=0.01)
        self.io_loop.call_later(0.02, self.stop, "second")
        assert self.wait(timeout=5) == "second"

    assert_passed(run(test))


def test_undecorated_generators_and_coroutines_are_errors_not_passes(recwarn):
    def generator(self):
        yield

    async def coroutine(self):
        return None

    for test in (generator, coroutine):
        (text,) = errors(run(test))
        assert "should be decorated with gen_test" in text
    assert not [warning for warning in recwarn if "never awaited" in str(warning.message)]


def test_returned_value_is_an_error():
    (text,) = errors(run(lambda self: 5))
    assert "Return value from test method ignored: 5" in text


def test_what_is_left_running_is_cancelled_and_may_clean_up():
    seen = []

    async def background():
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(0)
            seen.append(IOLoop.current(instance=False) is not None)

    def test(self):
        self.io_loop.add_callback(background)
        self.io_loop.call_later(0.001, self.stop)
        self.wait()

    assert_passed(run(test))
    assert seen == [True]


def test_asynchronous_generators_are_closed():
    seen = []

    async def numbers():
        try:
            yield 1
            yield 2
        finally:
            seen.append("closed")

    def test(self):
        kept.append(numbers())
        self.io_loop.run_sync(lambda: anext(kept[0]))

    kept = []
    assert_passed(run(test))
    assert seen == ["closed"]


def test_files_of_the_loop_are_closed():
    one, other = socket.socketpair()

    def test(self):
        self.io_loop.add_handler(one, print, IOLoop.READ)

    assert_passed(run(test))
    assert one.fileno() == -1
    other.close()


def test_loop_of_another_kind_by_get_new_ioloop():
    class OwnLoop(AsyncTestCase):
        def get_new_ioloop(self):
            return IOLoop(make_current=False, loop_factory=asyncio.SelectorEventLoop)

    def test(self):
        assert type(self.io_loop.asyncio_loop) is asyncio.SelectorEventLoop
        assert IOLoop.current() is self.io_loop

    assert_passed(run(test, OwnLoop))


def test_loop_that_others_use_is_left_open():
    shared = IOLoop()
    try:
        assert_passed(run(lambda self: None, get_new_ioloop=lambda self: IOLoop.current()))
        assert not shared.asyncio_loop.is_closed()
        assert IOLoop.current() is shared
    finally:
        shared.close()


def test_set_up_and_tear_down_of_subclasses_see_the_loop():
    seen = []

    class Case(AsyncTestCase):
        def setUp(self):
            super().setUp()
            seen.append(self.io_loop)

        def tearDown(self):
            seen.append(IOLoop.current())
            super().tearDown()

    assert_passed(run(lambda self: None, Case))
    assert seen[0] is seen[1]


def test_failing_test_still_closes_its_loop():
    loops = []

    def test(self):
        loops.append(self.io_loop)
        raise ZeroDivisionError

    assert "ZeroDivisionError" in errors(run(test))[0]
    assert loops[0].asyncio_loop.is_closed()


def test_case_can_be_made_without_a_method_name():
    assert AsyncTestCase().id().endswith("runTest")


def test_context_manager_lasts_as_long_as_the_test():
    seen = []

    @contextlib.contextmanager
    def manager():
        seen.append("entered")
        yield 5
        seen.append("left")

    class Case(AsyncTestCase):
        def setUp(self):
            super().setUp()
            self.value = setup_with_context_manager(self, manager())

    def test(self):
        seen.append(self.value)

    assert_passed(run(test, Case))
    assert seen == ["entered", 5, "left"]
