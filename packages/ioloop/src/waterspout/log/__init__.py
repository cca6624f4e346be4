"""Loggers, a formatter and the logging options.

Three loggers: `waterspout.access` (requests that servers answered), `waterspout.application` (errors
in the application's code) and `waterspout.general` (everything else).
"""

from typing import TYPE_CHECKING

from waterspout.log._loggers import access_log, app_log, gen_log, use_logger_names
from waterspout.util._exports import exports

if TYPE_CHECKING:
    from waterspout.log._formatter import LogFormatter
    from waterspout.log._setup import define_logging_options, enable_pretty_logging, register_default_options
    from waterspout.log._terminal import colorama as colorama
    from waterspout.log._terminal import curses as curses
    from waterspout.log._worker import set_worker, worker

__all__ = [
    "LogFormatter",
    "access_log",
    "app_log",
    "define_logging_options",
    "enable_pretty_logging",
    "gen_log",
    "register_default_options",
    "set_worker",
    "use_logger_names",
    "worker",
]

if not TYPE_CHECKING:
    __getattr__ = exports(
        __name__,
        _formatter="LogFormatter",
        _setup="define_logging_options enable_pretty_logging register_default_options",
        _terminal="colorama curses",
        _worker="set_worker worker",
    )
