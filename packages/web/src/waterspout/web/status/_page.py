"""`StatusPage`: the numbers, and the routes that show them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from importlib.resources import files

from waterspout.routing import URLSpec
from waterspout.web.status._access import LOCAL, Access, Decide
from waterspout.web.status._exposition import CONTENT_TYPE, exposition
from waterspout.web.status._feed import Feed
from waterspout.web.status._handlers import EventsHandler, MetricsHandler, PageHandler
from waterspout.web.status._numbers import Numbers

__all__ = ["StatusPage"]


class StatusPage(Numbers):
    """What a server does now, as a page with charts: ``Application(routes, status_page=StatusPage())``.

    The page is at *path*, below it ``/events`` (the same, once a second, as server-sent events) and ``/metrics`` (for
    Prometheus). It shows connections, requests a second, percentiles of the time from a request's head to that of its
    answer, how late the loop's timers come, requests that wait for more than a second (long polls) and answers that go
    on for more than one (streams), WebSockets, the slowest routes. Its own requests are left out. Memory is bounded:
    two minutes of samples, histograms of 800 bytes, at most 100 routes.

    It may be seen from this machine only, not through a proxy on it that the server does not know, not under another
    host's name. *allow* names other addresses and networks instead, *password* (12 characters or more) lets in whoever
    sends it (Basic with any user name, as browsers ask for it, or Bearer), *access* is a function of the handler that
    returns, or can be awaited for, whether its client may (``lambda handler: handler.current_user == "ada"``). One of
    the three is enough.

    *long_polls* are the templates of routes (``/updates``, ``/room/{}``) whose requests wait by intent: they do not
    count in the percentiles.

    It counts for one process and one loop: with several workers each shows its own numbers, and its process id. It is
    also a `ServerObserver`: ``application.listen(80, observer=page)`` and `routes` in another application on another
    port are the two halves of the setting. Give it, too, to what else should be shown, such as
    ``LagMonitor(io_loop, report=page.loop_lagged).start()``, which names the callbacks that hold the loop up.

    Raises `ValueError` for a *path* that does not begin with a slash, an *allow* that is no network, a short password.
    """

    __module__ = "waterspout.web.status"

    path: str

    def __init__(
        self,
        path: str = "/status",
        *,
        allow: Iterable[str] = LOCAL,
        password: str | None = None,
        access: Decide | None = None,
        long_polls: Iterable[str] = (),
        title: str = "Status",
    ) -> None:
        if not path.startswith("/") or path.rstrip("/") == "":
            raise ValueError(f"the path of a status page is one such as /status, not {path!r}")
        self.path = path = path.rstrip("/")
        self._access = Access(allow, password, access)
        self._title = title
        self._feed = Feed(self)
        own = (path, f"{path}/events", f"{path}/metrics")
        super().__init__(waits=long_polls, hidden=own)

    def routes(self) -> list[URLSpec]:
        """The rules for its three paths: what the setting ``status_page`` puts before an application's own."""
        path = re.escape(self.path)
        metrics = {"access": self._access, "text": self.metrics}
        return [
            URLSpec(path, PageHandler, {"access": self._access, "page": self._html}),
            URLSpec(f"{path}/events", EventsHandler, {"access": self._access, "feed": self._feed}),
            URLSpec(f"{path}/metrics", MetricsHandler, {**metrics, "content_type": CONTENT_TYPE}),
        ]

    def metrics(self) -> str:
        """The numbers in Prometheus' text format."""
        return exposition(self)

    def _html(self) -> str:
        page = files("waterspout.web.status").joinpath("page.html").read_text("utf-8")
        return page.replace("TITLE", escape(self._title))
