"""`ExpectLog`: a message that must be logged, and then need not be seen."""

from __future__ import annotations

import logging
import re
import warnings
from types import TracebackType


class ExpectLog(logging.Filter):
    """Within the ``with`` block, messages that match are swallowed; if none came, the block fails.

    ``logger`` is a Logger or the name of one ("" is the root logger); note that a logger's filters do not see what
    its children log. ``regex`` is matched from the start of the message. ``required=False``: it may also not come.
    ``level``: only messages of exactly this level match, and the logger is set to let them through; without it,
    matching messages of level INFO and below is deprecated, since whether they come depends on the logging
    configuration.

    Afterwards `matched` says whether it came and `logged_stack` whether a traceback came with it.
    """

    __module__ = "waterspout.asynctest"

    logger: logging.Logger
    regex: re.Pattern[str]
    logged_stack: bool
    deprecated_level_matched: int
    matched: bool

    def __init__(
        self, logger: logging.Logger | str, regex: str | bytes, required: bool = True, level: int | None = None
    ) -> None:
        super().__init__()
        self.logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        self.regex = re.compile(regex.decode() if isinstance(regex, bytes) else regex)
        self.required = required
        self.level = level
        self.matched = False
        self.logged_stack = False
        self.deprecated_level_matched = 0
        self.orig_level: int | None = None  # the logger's, if it had to be changed

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether ``record`` is to be logged: not if it is what was expected."""
        if record.exc_info:
            self.logged_stack = True
        if self.level is not None and record.levelno != self.level:
            return True
        if not self.regex.match(record.getMessage()):
            return True
        if self.level is None and record.levelno <= logging.INFO:
            self.deprecated_level_matched += 1
        self.matched = True
        return False

    def __enter__(self) -> ExpectLog:
        if self.level is not None and not self.logger.isEnabledFor(self.level):
            self.orig_level = self.logger.level
            self.logger.setLevel(self.level)
        self.logger.addFilter(self)
        return self

    def __exit__(self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.logger.removeFilter(self)
        if self.orig_level is not None:
            self.logger.setLevel(self.orig_level)
        if typ is not None:
            return  # the block failed for a reason of its own
        if self.required and not self.matched:
            raise AssertionError(f"did not get expected log message: {self.regex.pattern!r} on {self.logger.name!r}")
        # Who does not require the message does not depend on the configuration.
        if self.required and self.deprecated_level_matched >= 1 and not self.level:
            warnings.warn("ExpectLog matched at INFO or below without level argument", DeprecationWarning, stacklevel=2)
