"""Switching formatted logging on, as a set of options says.

This module is below `waterspout.options`: it takes any object that has the options as attributes.
`waterspout.options` registers its parser here, as what `None` means.
"""

import logging
from collections.abc import Callable
from typing import Any

from waterspout.log._formatter import LogFormatter

_HUNDRED_MEGABYTES = 100 * 1000 * 1000


class _Defaults:
    """The values of the logging options in a program that never imports `waterspout.options`."""

    logging = "info"
    log_to_stderr: bool | None = None
    log_file_prefix: str | None = None
    log_file_max_size = _HUNDRED_MEGABYTES
    log_file_num_backups = 10
    log_rotate_when = "midnight"
    log_rotate_interval = 1
    log_rotate_mode = "size"


_options_of_this_process: Any = _Defaults()


def register_default_options(options: Any) -> None:
    """Let `options` be what the functions of this package use when they are given None."""
    global _options_of_this_process
    _options_of_this_process = options


def enable_pretty_logging(options: Any = None, logger: logging.Logger | None = None) -> None:
    """Log as the logging options say, formatted by `LogFormatter`.

    `waterspout.options` calls this when it has parsed a command line or a configuration file. It
    sets the level of `logger` (default: the root logger) and adds a rotating file, standard error,
    or both; standard error by default unless the logger has handlers already. With the option
    `logging` at "none" or None it does nothing.

    Raises ValueError if the level or `log_rotate_mode` is none that there is, OSError if the file
    cannot be opened.
    """
    if options is None:
        options = _options_of_this_process
    if options.logging is None or options.logging.lower() == "none":
        return
    if logger is None:
        logger = logging.getLogger()
    logger.setLevel(_level(options.logging))
    if options.log_file_prefix:
        handler = _rotating_file(options)
        handler.setFormatter(LogFormatter(color=False))
        logger.addHandler(handler)
    if options.log_to_stderr or (options.log_to_stderr is None and not logger.handlers):
        stderr = logging.StreamHandler()
        stderr.setFormatter(LogFormatter())
        logger.addHandler(stderr)


def _level(name: str) -> int:
    level = logging.getLevelNamesMapping().get(name.upper())
    if level is None:
        raise ValueError(f"The value of logging option should be debug, info, warning, error or none, not {name!r}.")
    return level


def _rotating_file(options: Any) -> logging.Handler:
    # Brings in sockets, queues and pickle: only programs that log to a file of ours need it.
    from logging.handlers import RotatingFileHandler, TimedRotatingFileHandler

    path, kept = options.log_file_prefix, options.log_file_num_backups
    if options.log_rotate_mode == "size":
        return RotatingFileHandler(path, maxBytes=options.log_file_max_size, backupCount=kept, encoding="utf-8")
    if options.log_rotate_mode == "time":
        unit, units = options.log_rotate_when, options.log_rotate_interval
        return TimedRotatingFileHandler(path, when=unit, interval=units, backupCount=kept, encoding="utf-8")
    raise ValueError(
        f'The value of log_rotate_mode option should be "size" or "time", not "{options.log_rotate_mode}".'
    )


def define_logging_options(options: Any = None) -> None:
    """Define the logging options on the parser `options` and let it switch logging on.

    The parser of `waterspout.options` has them already; call this for one of your own. Raises
    RuntimeError if it is called without a parser and `waterspout.options` was never imported.
    """
    if options is None:
        options = _options_of_this_process
        if isinstance(options, _Defaults):
            raise RuntimeError("define_logging_options() needs a parser: import waterspout.options, or pass yours")
    define: Callable[..., None] = options.define
    define(
        "logging",
        default=_Defaults.logging,
        metavar="debug|info|warning|error|none",
        help="Set the Python log level. If 'none', the logging configuration is left alone.",
    )
    define(
        "log_to_stderr",
        type=bool,
        default=_Defaults.log_to_stderr,
        help="Send log output to stderr, in colour if possible. By default stderr is used if "
        "--log_file_prefix is not set and no other logging is configured.",
    )
    define(
        "log_file_prefix",
        type=str,
        default=_Defaults.log_file_prefix,
        metavar="PATH",
        help="Path prefix for log files. Each of several server processes needs its own (include the port number).",
    )
    define(
        "log_file_max_size",
        type=int,
        default=_Defaults.log_file_max_size,
        help="Size in bytes at which a log file is rotated",
    )
    define(
        "log_file_num_backups",
        type=int,
        default=_Defaults.log_file_num_backups,
        help="Number of rotated log files to keep",
    )
    define(
        "log_rotate_when",
        type=str,
        default=_Defaults.log_rotate_when,
        help="Unit of timed rotation: 'S', 'M', 'H', 'D', 'W0'-'W6' or 'midnight'",
    )
    define(
        "log_rotate_interval",
        type=int,
        default=_Defaults.log_rotate_interval,
        help="How many of these units lie between two timed rotations",
    )
    define(
        "log_rotate_mode",
        type=str,
        default=_Defaults.log_rotate_mode,
        help="How log files are rotated: by 'size' or by 'time'",
    )
    options.add_parse_callback(lambda: enable_pretty_logging(options))
