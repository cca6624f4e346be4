"""Run one module of Tornado's own tests on Waterspout: ``python run_module.py MODULE EVENTS SECONDS [TEST...]``.

Needs the folder ``site`` on its path and ``WATERSPOUT_TORNADO`` in its environment. Writes one JSON object a line to
the file ``EVENTS``: ``{"start": id}`` and ``{"id", "outcome", "message"}`` for each test,
``{"broken": what, "message"}`` for what keeps others from running, ``{"finished": true}`` at the end. A test that takes
longer than ``SECONDS`` ends the process: its start is then without an outcome. With ``TEST...`` only those run.

Names that begin with an underscore and that a test module imports, but Waterspout does not have, are put in place as
`Missing`, so that the tests which use none of them still run.
"""

from __future__ import annotations

import ast
import faulthandler
import importlib
import json
import logging
import os
import sys
import unittest
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

LONGEST_MESSAGE = 2000
ErrorInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class Missing:
    """Stands for a private name of Tornado's; every use of it fails and says so."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, attribute: str) -> Missing:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return Missing(f"{self.name}.{attribute}")

    def __call__(self, *_arguments: object, **_options: object) -> None:
        raise NotImplementedError(f"{self.name} is private to Tornado, and Waterspout has none")


def put_placeholders(module: str) -> None:
    """Give our modules a `Missing` for each private name that a test module, or one it imports, takes from them."""
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None, f"there is no {module}"
    for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.module or not node.module.startswith("tornado."):
            continue
        if f"{node.module}.".startswith("tornado.test."):
            for tests in (
                [node.module] if node.module != "tornado.test" else [f"{node.module}.{a.name}" for a in node.names]
            ):
                put_placeholders(tests)
            continue
        for name in (alias.name for alias in node.names if alias.name.startswith("_")):
            source = importlib.import_module(node.module)
            if not hasattr(source, name):
                setattr(source, name, Missing(f"{node.module}.{name}"))


class Reporter(unittest.TestResult):
    """Writes down what happens as it happens, so that a process that dies loses nothing."""

    def __init__(self, out: TextIO, seconds: float) -> None:
        super().__init__()
        self.out = out
        self.seconds = seconds
        self.outcomes: dict[str, tuple[str, str]] = {}

    def emit(self, **event: Any) -> None:
        self.out.write(json.dumps(event) + "\n")
        self.out.flush()

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.emit(start=test.id())
        faulthandler.dump_traceback_later(self.seconds, exit=True)

    def stopTest(self, test: unittest.TestCase) -> None:
        faulthandler.cancel_dump_traceback_later()
        outcome, message = self.outcomes.pop(test.id(), ("failed", "no outcome was reported"))
        self.emit(id=test.id(), outcome=outcome, message=message[-LONGEST_MESSAGE:])

    def note(self, test: unittest.TestCase, outcome: str, message: str = "") -> None:
        """The first failure of a test stays; it may report several."""
        if not isinstance(test, unittest.TestCase):  # the set-up of a class or module
            if message != "abstract base class":
                self.emit(broken=test.id(), message=message[-LONGEST_MESSAGE:])
        elif self.outcomes.get(test.id(), ("passed",))[0] != "failed":
            self.outcomes[test.id()] = (outcome, message)

    def addSuccess(self, test: unittest.TestCase) -> None:
        self.note(test, "passed")

    def addExpectedFailure(self, test: unittest.TestCase, err: ErrorInfo) -> None:
        self.note(test, "passed")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self.note(test, "failed", "it was expected to fail")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self.note(test, "skipped", reason)

    def addError(self, test: unittest.TestCase, err: ErrorInfo) -> None:
        self.note(test, "failed", self._exc_info_to_string(err, test))  # type: ignore[attr-defined]

    addFailure = addError

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: ErrorInfo | None) -> None:
        if err is not None:
            self.addError(test, err)


def tests_in(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_in(test)
        else:
            yield test


def run(module: str, out: TextIO, seconds: float, only: set[str]) -> None:
    out.seek(0)
    done = {event.get("start") for event in map(json.loads, out)}
    put_placeholders(f"tornado.test.{module}")
    # The filters that Tornado's own runner sets: a warning is a failure.
    warnings.filterwarnings("error")
    warnings.filterwarnings("ignore", category=ImportWarning)
    for category in (DeprecationWarning, PendingDeprecationWarning):
        warnings.filterwarnings("ignore", category=category)
        warnings.filterwarnings("error", category=category, module=r"tornado\..*")
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("tornado.access").setLevel(logging.CRITICAL)
    reporter = Reporter(out, seconds)
    try:
        suite = unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(f"tornado.test.{module}"))
    except Exception as error:
        reporter.emit(broken=module, message=repr(error))
        return
    wanted = [test for test in tests_in(suite) if test.id() not in done and (not only or test.id() in only)]
    unittest.TestSuite(wanted).run(reporter)
    reporter.emit(finished=True)


if __name__ == "__main__":
    with open(sys.argv[2], "a+", encoding="utf-8") as events:
        run(sys.argv[1], events, float(sys.argv[3]), set(sys.argv[4:]))
    sys.stdout.flush()
    os._exit(0)  # threads that a test left behind are not waited for
