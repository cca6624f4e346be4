"""`main`, the command-line test runner; each test is a process of its own."""

import subprocess
import sys
import textwrap

PROGRAM = """
import unittest
from waterspout.asynctest import AsyncTestCase, gen_test, main

class GoodTest(AsyncTestCase):
    @gen_test
    async def test_good(self):
        pass

class BadTest(AsyncTestCase):
    @gen_test
    async def test_bad(self):
        raise ZeroDivisionError

def all():
    return unittest.defaultTestLoader.loadTestsFromName("GoodTest", __import__("__main__"))

if __name__ == "__main__":
    main()
"""


def run(tmp_path, *arguments, program=PROGRAM):
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(program))
    return subprocess.run(
        [sys.executable, str(path), *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_without_arguments_the_function_all_names_the_tests(tmp_path):
    result = run(tmp_path)
    assert result.returncode == 0, result.stderr
    assert "Ran 1 test" in result.stderr


def test_without_that_function_all_tests_of_the_main_module_run(tmp_path):
    result = run(tmp_path, program=PROGRAM.replace("def all()", "def some()"))
    assert result.returncode == 1
    assert "Ran 2 tests" in result.stderr


def test_tests_named_on_the_command_line_run(tmp_path):
    result = run(tmp_path, "BadTest.test_bad")
    assert result.returncode == 1
    assert "ZeroDivisionError" in result.stderr
    assert "Ran 1 test" in result.stderr


def test_options_are_taken_before_the_names(tmp_path):
    result = run(tmp_path, "--verbose", "--logging=none", "--exception-on-interrupt=false", "GoodTest")
    assert result.returncode == 0, result.stderr
    assert "test_good" in result.stderr
    assert "test_good" not in run(tmp_path, "--quiet", "GoodTest").stderr
