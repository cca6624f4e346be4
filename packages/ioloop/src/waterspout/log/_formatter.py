"""LogFormatter: one readable, coloured line a record, whatever was logged."""

import logging
from typing import Any, Literal

from waterspout.log._terminal import color_codes
from waterspout.log._worker import this_process

# The numbers of terminals.
_RED, _GREEN, _YELLOW, _BLUE, _MAGENTA = range(1, 6)


class LogFormatter(logging.Formatter):
    """The formatter that `enable_pretty_logging` installs.

    Colours where the terminal shows them, a time on each line, continuation lines indented, so that
    no text that was logged can pass for a record of its own. A record whose arguments do not fit its
    message is printed with the reason, never lost. Fits `logging.config.dictConfig`.

    In one of several workers (`set_worker`) the default format names it behind the time; a format of your own can do so
    by ``%(worker)s``, which is empty in other processes.
    """

    __module__ = "waterspout.log"

    DEFAULT_FORMAT = "%(color)s[%(levelname)1.1s %(asctime)s %(module)s:%(lineno)d]%(end_color)s %(message)s"
    DEFAULT_DATE_FORMAT = "%y%m%d %H:%M:%S"
    DEFAULT_COLORS: dict[int, int] = dict(
        zip(
            (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL),
            (_BLUE, _GREEN, _YELLOW, _RED, _MAGENTA),
            strict=True,
        )
    )

    def __init__(
        self,
        fmt: str = DEFAULT_FORMAT,
        datefmt: str = DEFAULT_DATE_FORMAT,
        style: Literal["%", "{", "$"] = "%",
        color: bool = True,
        colors: dict[int, int] = DEFAULT_COLORS,
    ) -> None:
        """Format records by `fmt`, written in `style`, with times by `datefmt`.

        What stands between `color` and `end_color` in `fmt` has the colour of the record's level
        in `colors` (see `DEFAULT_COLORS`) if `color` is true and standard error can show it.
        """
        # Without validation: "%(color)s" is no attribute that logging knows.
        super().__init__(fmt=fmt, datefmt=datefmt, style=style, validate=False)
        self._names_worker = fmt == LogFormatter.DEFAULT_FORMAT  # who chose another one has chosen what stands in it
        self._colors: dict[int, str] = {}
        self._normal = ""
        if color:
            self._colors, self._normal = color_codes(colors)

    def format(self, record: Any) -> str:
        """The text of `record`: its line, then its traceback and stack, indented."""
        try:
            record.message = _as_text(record.getMessage())
        except Exception as error:
            record.message = f"Bad message ({error!r}): {vars(record)!r}"
        record.asctime = self.formatTime(record, self.datefmt)
        worker = this_process.worker
        record.worker = "" if worker is None else worker
        if worker is not None and self._names_worker:
            record.asctime += f" worker {worker}"
        start = self._colors.get(record.levelno)
        record.color, record.end_color = ("", "") if start is None else (start, self._normal)
        lines = [self.formatMessage(record)]
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            # Line by line: one that cannot be decoded must not take the others with it.
            lines[0] = lines[0].rstrip()
            lines += [_as_text(line) for line in record.exc_text.split("\n")]
        if record.stack_info:
            lines.append(self.formatStack(record.stack_info))
        return "\n".join(lines).replace("\n", "\n    ")


def _as_text(message: Any) -> str:
    """A message as text; bytes are shown as Python writes them if they are not UTF-8 text.

    getMessage calls str(), so that bytes arrive here only from a subclass of LogRecord.
    """
    if not isinstance(message, bytes):
        return str(message)
    try:
        return message.decode("utf-8")
    except UnicodeDecodeError:
        return repr(message)
