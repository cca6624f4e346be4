"""Which of several workers this process is, so that log lines can say so."""


class _Process:
    """What there is once for a process."""

    __slots__ = ("worker",)

    def __init__(self) -> None:
        self.worker: int | None = None


this_process = _Process()


def set_worker(number: int | None) -> None:
    """Have this process's log lines say that they are of worker ``number``; None: of no worker, as at first.

    `LogFormatter` writes it behind the time (``[I 261128 15:46:48 worker 2 web:123] ...``), and formats of your own may
    have it as ``%(worker)s``. ``httpserver.run`` calls this in each of several workers; a program that forks by itself
    may, too.
    """
    this_process.worker = number


def worker() -> int | None:
    """What `set_worker` was given in this process: None unless it is one of several."""
    return this_process.worker


set_worker.__module__ = worker.__module__ = "waterspout.log"
