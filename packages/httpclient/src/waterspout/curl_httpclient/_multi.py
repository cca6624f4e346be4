"""libcurl's multi interface on the event loop: sockets, one timer, and who has finished.

Theory of operation. libcurl says which sockets it wants to hear about and when it wants to be called at the latest;
`socket_action` lets it work. Timers are many and mostly replaced before they fire, so only one of the loop's timers
is kept: moved to a later time it is left as it is, and when it fires too early it is set again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from waterspout.curl_httpclient._library import pycurl
from waterspout.curl_httpclient._sockets import sockets_for

#: Seconds between calls that catch what libcurl has forgotten to ask for: its timers have had bugs.
SAFETY_INTERVAL = 1.0


class Multi:
    """All transfers of one client. *finished* is called with each handle that has ended, its error number and text."""

    __slots__ = ("_due", "_finished", "_kicked", "_loop", "_multi", "_running", "_sockets", "_timer", "_timer_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, finished: Callable[[Any, int, str], None]) -> None:
        self._loop = loop
        self._finished = finished
        self._sockets = sockets_for(loop, self._ready)
        self._running = 0
        self._kicked = False
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)

    def set_option(self, option: int, value: int) -> None:
        """`CurlMulti.setopt`."""
        self._multi.setopt(option, value)

    def add(self, handle: Any) -> None:
        """Begin a transfer, in the next turn of the loop."""
        self._multi.add_handle(handle)
        self._running += 1
        self._kick()

    def remove(self, handle: Any) -> None:
        """End a transfer, or take out one that has ended."""
        self._multi.remove_handle(handle)

    def abandon(self, handle: Any) -> None:
        """End a transfer that has not finished."""
        self._multi.remove_handle(handle)
        self._running -= 1

    def close(self) -> None:
        """Stop watching sockets and free what libcurl holds. Handles must have been removed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        multi, self._multi = self._multi, None
        multi.close()
        self._sockets.close()

    # What libcurl calls.

    def _set_timer(self, milliseconds: int) -> None:
        if milliseconds < 0:
            self._due = None
        elif milliseconds == 0:
            self._due = None
            self._kick()
        else:
            self._due = self._loop.time() + milliseconds / 1000
            self._arm(self._due)

    def _watch(self, event: int, fd: int, multi: Any, data: Any) -> None:
        self._sockets.watch(fd, 0 if event == pycurl.POLL_REMOVE else event)

    # What the loop calls.

    def _kick(self) -> None:
        if not self._kicked:
            self._kicked = True
            self._loop.call_soon(self._time_out)

    def _arm(self, when: float) -> None:
        if self._timer is not None:
            if self._timer_at <= when:
                return
            self._timer.cancel()
        self._timer_at = when
        self._timer = self._loop.call_at(when, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        due = self._due
        if due is not None and due > self._loop.time():
            self._arm(due)
            return
        self._due = None
        self._time_out()
        if self._running and self._timer is None:
            self._arm(self._loop.time() + SAFETY_INTERVAL)

    def _time_out(self) -> None:
        """Let libcurl do what is due: begin transfers, look at its clocks."""
        self._kicked = False
        self._ready([(pycurl.SOCKET_TIMEOUT, 0)])

    def _ready(self, sockets: list[tuple[int, int]]) -> None:
        """Let libcurl work; then tell of the transfers that have ended by it."""
        multi = self._multi
        if multi is None:
            return
        running = self._running
        act = multi.socket_action
        for fd, flags in sockets:
            _, running = act(fd, flags)
        if running >= self._running:
            return
        more = 1
        while more and self._multi is not None:
            more, good, bad = self._multi.info_read()
            for handle in good:
                self._running -= 1
                self._finished(handle, 0, "")
            for handle, number, text in bad:
                self._running -= 1
                self._finished(handle, number, text)
