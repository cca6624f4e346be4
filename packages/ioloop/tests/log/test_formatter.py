"""One readable line a record, whatever was logged."""

import logging
import logging.config
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from waterspout.log import LogFormatter, set_worker, worker

MakeRecord = Callable[..., logging.LogRecord]


@pytest.fixture
def formatter(monkeypatch: pytest.MonkeyPatch) -> LogFormatter:
    made = LogFormatter(color=False)
    made.converter = time.gmtime  # type: ignore[assignment]
    return made


def test_a_line_has_level_time_place_and_message(formatter: LogFormatter, record: MakeRecord) -> None:
    assert formatter.format(record("hello %s", "world")) == "[I 700101 00:00:00 module:7] hello world"


@pytest.fixture
def worker_2() -> Iterator[None]:
    set_worker(2)
    yield
    set_worker(None)


def test_a_line_of_one_of_several_workers_says_which(
    worker_2: None, formatter: LogFormatter, record: MakeRecord
) -> None:
    assert worker() == 2
    assert formatter.format(record("hello")) == "[I 700101 00:00:00 worker 2 module:7] hello"
    set_worker(None)
    assert worker() is None
    assert formatter.format(record("hello")) == "[I 700101 00:00:00 module:7] hello"


@pytest.mark.parametrize(
    ("fmt", "lines"),
    [("%(asctime)s %(message)s", ("700101 00:00:00 x",) * 2), ("%(worker)s|%(message)s", ("2|x", "|x"))],
)
def test_a_format_of_your_own_has_the_worker_where_it_says_so(
    worker_2: None, record: MakeRecord, fmt: str, lines: tuple[str, str]
) -> None:
    made = LogFormatter(fmt, color=False)
    made.converter = time.gmtime  # type: ignore[assignment]
    first = made.format(record("x"))
    set_worker(None)
    assert (first, made.format(record("x"))) == lines


def test_continuation_lines_are_indented_so_that_no_text_passes_for_a_record(
    formatter: LogFormatter, record: MakeRecord
) -> None:
    forged = "x\n[E 700101 00:00:00 module:7] forged"
    assert formatter.format(record(forged)).splitlines()[1] == "    [E 700101 00:00:00 module:7] forged"


def test_an_exception_follows_indented(formatter: LogFormatter, record: MakeRecord) -> None:
    try:
        raise ValueError("boom\nsecond line")
    except ValueError:
        lines = formatter.format(record("failed ", level=logging.ERROR, exc_info=sys.exc_info())).split("\n")
    assert lines[0] == "[E 700101 00:00:00 module:7] failed"
    assert lines[1] == "    Traceback (most recent call last):"
    assert lines[-2:] == ["    ValueError: boom", "    second line"]


def test_the_stack_follows_if_it_was_asked_for(formatter: LogFormatter, record: MakeRecord) -> None:
    made = record("here")
    made.stack_info = "Stack (most recent call last):\n  File ..."
    assert formatter.format(made).endswith("here\n    Stack (most recent call last):\n      File ...")


def test_arguments_that_do_not_fit_are_shown_with_the_reason(formatter: LogFormatter, record: MakeRecord) -> None:
    line = formatter.format(record("%d", "x"))
    assert "Bad message (TypeError" in line
    assert "'args': ('x',)" in line


class BadlyBehaved:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_an_object_without_text_is_a_bad_message(formatter: LogFormatter, record: MakeRecord) -> None:
    assert "Bad message (RuntimeError('no text'))" in formatter.format(record(BadlyBehaved()))


@pytest.mark.parametrize(("message", "shown"), [(b"\xe9", r"b'\xe9'"), ("\xe9", "\xe9"), (5, "5")])
def test_bytes_text_and_objects_are_shown(
    formatter: LogFormatter, record: MakeRecord, message: Any, shown: str
) -> None:
    assert formatter.format(record(message)).endswith("] " + shown)


@pytest.mark.parametrize("style", ["%", "{", "$"])
def test_every_style_of_formats_works(record: MakeRecord, style: Any) -> None:
    fmt = {
        "%": "%(color)s%(message)s%(end_color)s",
        "{": "{color}{message}{end_color}",
        "$": "$color$message${end_color}",
    }
    assert LogFormatter(fmt=fmt[style], style=style, color=False).format(record("hey")) == "hey"


def test_colours_follow_the_level(record: MakeRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "waterspout.log._formatter.color_codes", lambda colors: ({k: f"<{v}>" for k, v in colors.items()}, "</>")
    )
    formatter = LogFormatter(fmt="%(color)s%(levelname)s%(end_color)s %(message)s", colors={logging.ERROR: 1})
    assert formatter.format(record("m", level=logging.ERROR)) == "<1>ERROR</> m"
    assert formatter.format(record("m", level=logging.INFO)) == "INFO m"


def test_the_date_format_can_be_chosen(record: MakeRecord) -> None:
    formatter = LogFormatter(datefmt="%Y", color=False)
    formatter.converter = time.gmtime  # type: ignore[assignment]
    assert formatter.format(record("m")).startswith("[I 1970 ")


def test_it_fits_dictconfig() -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "incremental": False,
            "formatters": {"pretty": {"()": "waterspout.log.LogFormatter", "color": False}},
            "handlers": {"null": {"class": "logging.NullHandler", "formatter": "pretty"}},
            "loggers": {"waterspout.tests.dictconfig": {"handlers": ["null"]}},
        }
    )
    (handler,) = logging.getLogger("waterspout.tests.dictconfig").handlers
    assert type(handler.formatter) is LogFormatter
