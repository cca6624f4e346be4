"""The three loggers and what they are called.

Renaming concerns the whole process: each test runs in one of its own.
"""

import subprocess
import sys

import pytest


def run(code: str) -> str:
    prelude = "import logging\nfrom waterspout.log import access_log, app_log, gen_log, use_logger_names\n"
    done = subprocess.run([sys.executable, "-c", prelude + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_they_are_found_by_their_names() -> None:
    run(
        "assert logging.getLogger('waterspout.access') is access_log\n"
        "assert logging.getLogger('waterspout.application') is app_log\n"
        "assert logging.getLogger('waterspout.general') is gen_log\n"
    )


def test_renamed_they_are_the_same_objects_under_both_names() -> None:
    run(
        "use_logger_names('tornado')\n"
        "for logger, name in ((access_log, 'access'), (app_log, 'application'), (gen_log, 'general')):\n"
        "    assert logger.name == 'tornado.' + name\n"
        "    assert logging.getLogger('tornado.' + name) is logger\n"
        "    assert logging.getLogger('waterspout.' + name) is logger\n"
        "    assert logger.parent is logging.getLogger('tornado')\n"
        "assert access_log.getChild('x').name == 'tornado.access.x'\n"
    )


def test_renamed_they_obey_the_new_parent() -> None:
    run(
        "assert gen_log.isEnabledFor(logging.WARNING)\n"
        "logging.getLogger('tornado').setLevel(logging.ERROR)\n"
        "use_logger_names('tornado')\n"
        "assert not gen_log.isEnabledFor(logging.WARNING)\n"
        "logging.getLogger('tornado').setLevel(logging.INFO)\n"
        "assert gen_log.isEnabledFor(logging.INFO)\n"
    )


def test_configuration_of_the_new_name_is_taken_over_and_shared() -> None:
    out = run(
        "import sys\n"
        "before = logging.getLogger('tornado.access')\n"
        "before.setLevel(logging.DEBUG)\n"
        "before.propagate = False\n"
        "use_logger_names('tornado')\n"
        "use_logger_names('tornado')\n"
        "before.addHandler(logging.StreamHandler(sys.stdout))\n"
        "access_log.debug('seen once')\n"
    )
    assert out == "seen once\n"


@pytest.mark.parametrize("prefix", ["tornado", "my.app"])
def test_records_carry_the_new_name(prefix: str) -> None:
    out = run(
        f"use_logger_names({prefix!r})\n"
        "import sys\n"
        "logging.basicConfig(stream=sys.stdout, format='%(name)s %(message)s')\n"
        "app_log.error('hello')\n"
    )
    assert out == f"{prefix}.application hello\n"
