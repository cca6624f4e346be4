"""Switching formatted logging on."""

import logging
import logging.handlers
import subprocess
import sys
from pathlib import Path

import pytest

from waterspout.log import LogFormatter, define_logging_options, enable_pretty_logging
from waterspout.options import OptionParser


@pytest.fixture
def options() -> OptionParser:
    made = OptionParser()
    define_logging_options(made)
    return made


def test_by_default_it_logs_to_standard_error_from_info_on(options: OptionParser, logger: logging.Logger) -> None:
    enable_pretty_logging(options, logger)
    (handler,) = logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    assert handler.stream is sys.stderr
    assert isinstance(handler.formatter, LogFormatter)
    assert logger.level == logging.INFO


def test_a_logger_that_has_a_handler_gets_none_unless_asked_for(options: OptionParser, logger: logging.Logger) -> None:
    logger.addHandler(logging.NullHandler())
    enable_pretty_logging(options, logger)
    assert len(logger.handlers) == 1
    options.log_to_stderr = True
    enable_pretty_logging(options, logger)
    assert len(logger.handlers) == 2


@pytest.mark.parametrize("level", ["none", "NONE", None])
def test_none_leaves_everything_alone(options: OptionParser, logger: logging.Logger, level: str | None) -> None:
    options.logging = level
    enable_pretty_logging(options, logger)
    assert (logger.level, logger.handlers) == (logging.NOTSET, [])


def test_a_file_is_written_in_utf8_without_colours(
    options: OptionParser, logger: logging.Logger, tmp_path: Path
) -> None:
    options.logging = "warning"
    options.log_file_prefix = str(tmp_path / "log")
    enable_pretty_logging(options, logger)
    (handler,) = logger.handlers
    assert isinstance(handler, logging.handlers.RotatingFileHandler)
    assert (handler.maxBytes, handler.backupCount) == (100_000_000, 10)
    logger.info("not this")
    logger.warning("h\xe9")
    assert (tmp_path / "log").read_text("utf-8").endswith("] h\xe9\n")
    assert (tmp_path / "log").read_text("utf-8").startswith("[W ")


def test_a_file_can_be_rotated_by_time(options: OptionParser, logger: logging.Logger, tmp_path: Path) -> None:
    options.log_file_prefix = str(tmp_path / "log")
    options.log_rotate_mode = "time"
    options.log_rotate_when = "H"
    options.log_rotate_interval = 2
    enable_pretty_logging(options, logger)
    (handler,) = logger.handlers
    assert isinstance(handler, logging.handlers.TimedRotatingFileHandler)
    assert (handler.when, handler.interval) == ("H", 7200)


def test_unknown_modes_and_levels_are_named(options: OptionParser, logger: logging.Logger, tmp_path: Path) -> None:
    options.log_file_prefix = str(tmp_path / "log")
    options.log_rotate_mode = "sometimes"
    with pytest.raises(ValueError, match='log_rotate_mode option should be "size" or "time", not "sometimes"'):
        enable_pretty_logging(options, logger)
    options.logging = "loud"
    with pytest.raises(ValueError, match="'loud'"):
        enable_pretty_logging(options, logger)


def test_parsing_switches_it_on(logger: logging.Logger, tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = (
        "import logging, sys, waterspout.options\n"
        "waterspout.options.parse_command_line()\n"
        "logging.getLogger('x').warning('hello')\n"
    )
    subprocess.run([sys.executable, "-c", code, f"--log-file-prefix={log}", "--logging=error"], check=True)
    assert log.read_text() == ""
    subprocess.run([sys.executable, "-c", code, f"--log_file_prefix={log}"], check=True)
    assert log.read_text().endswith("<string>:3] hello\n")


def test_without_the_options_module_the_defaults_hold() -> None:
    code = (
        "import logging, sys, waterspout.log\n"
        "waterspout.log.enable_pretty_logging()\n"
        "logging.getLogger('x').info('hello')\n"
        "assert 'waterspout.options' not in sys.modules\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr.endswith("] hello\n")


def test_defining_them_nowhere_is_an_error() -> None:
    code = "import waterspout.log; waterspout.log.define_logging_options()"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "import waterspout.options, or pass yours" in run.stderr
