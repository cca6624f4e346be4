"""The pytest plugin, in a pytest of its own."""

import os
import subprocess
import sys
import textwrap

import pytest


@pytest.fixture
def run_pytest(tmp_path):
    def run(text, *options):
        path = tmp_path / "test_sample.py"
        path.write_text(textwrap.dedent(text))
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers"]
            + ["-p", "waterspout.asynctest._pytest_plugin", *options, str(path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        )

    return run


def test_fixture_is_a_fresh_current_loop(run_pytest):
    result = run_pytest(
        """
        import asyncio
        from waterspout.ioloop import IOLoop
        loops = []

        def test_one(io_loop):
            loops.append(io_loop)
            assert IOLoop.current() is io_loop
            assert io_loop.run_sync(lambda: asyncio.sleep(0, 5)) == 5

        def test_two(io_loop):
            assert io_loop is not loops[0]
            assert loops[0].asyncio_loop.is_closed()
        """
    )
    assert "2 passed" in result.stdout, result.stdout


def test_marked_coroutines_of_both_kinds_run_on_the_loop_with_their_fixtures(run_pytest):
    result = run_pytest(
        """
        import asyncio, pytest
        from waterspout import gen
        from waterspout.ioloop import IOLoop
        pytestmark = pytest.mark.gen_test
        done = []

        @pytest.fixture
        def made_on_the_loop():
            return IOLoop.current()

        async def test_native(made_on_the_loop):
            await asyncio.sleep(0)
            assert IOLoop.current() is made_on_the_loop
            done.append(1)

        @gen.coroutine
        def test_generator(io_loop, tmp_path):
            yield gen.sleep(0)
            assert tmp_path.exists()
            done.append(2)

        @pytest.mark.parametrize("value", [3, 4])
        async def test_parametrized(value):
            await asyncio.sleep(0)
            done.append(value)

        class TestClass:
            async def test_method(self):
                await asyncio.sleep(0)
                done.append(5)

        def test_plain():
            assert done == [1, 2, 3, 4, 5]
        """
    )
    assert "6 passed" in result.stdout, result.stdout


def test_failure_and_timeout_are_reported(run_pytest):
    result = run_pytest(
        """
        import asyncio, pytest

        @pytest.mark.gen_test
        async def test_failing():
            await asyncio.sleep(0)
            raise ZeroDivisionError

        @pytest.mark.gen_test(timeout=0.01)
        async def test_slow():
            await asyncio.sleep(100)
        """
    )
    assert "2 failed" in result.stdout, result.stdout
    assert "ZeroDivisionError" in result.stdout
    assert "timed out after 0.01 seconds" in result.stdout


def test_gen_test_decorator_works_with_the_fixture(run_pytest):
    result = run_pytest(
        """
        import asyncio
        from waterspout.asynctest import gen_test

        @gen_test
        async def test_decorated(io_loop):
            await asyncio.sleep(0)
        """
    )
    assert "1 passed" in result.stdout, result.stdout


def test_unmarked_tests_are_left_alone(run_pytest):
    result = run_pytest("def test_plain():\n    assert True\n")
    assert "1 passed" in result.stdout, result.stdout


def test_what_is_left_running_is_cancelled(run_pytest):
    result = run_pytest(
        """
        import asyncio, pytest
        seen = []

        async def background():
            try:
                await asyncio.sleep(100)
            finally:
                seen.append(1)

        @pytest.mark.gen_test
        async def test_first(io_loop):
            io_loop.add_callback(background)
            await asyncio.sleep(0)

        def test_second():
            assert seen == [1]
        """
    )
    assert "2 passed" in result.stdout, result.stdout
