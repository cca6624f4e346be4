"""libcurl's times of a transfer, asked for when somebody wants them."""

from __future__ import annotations

from typing import Any

from waterspout.curl_httpclient._library import pycurl

#: The numbers of libcurl's times by the names of `HTTPResponse.time_info`.
_TIMES = {
    "namelookup": pycurl.NAMELOOKUP_TIME,
    "connect": pycurl.CONNECT_TIME,
    "appconnect": pycurl.APPCONNECT_TIME,
    "pretransfer": pycurl.PRETRANSFER_TIME,
    "starttransfer": pycurl.STARTTRANSFER_TIME,
    "total": pycurl.TOTAL_TIME,
    "redirect": pycurl.REDIRECT_TIME,
}


class CurlTimes:
    """The times of a transfer: those of its handle, until `keep` is called because another transfer gets it."""

    __slots__ = ("__weakref__", "_handle", "_kept", "queue")

    queue: float

    def __init__(self, handle: Any, queue: float) -> None:
        self._handle = handle
        self._kept: dict[str, float] | None = None
        self.queue = queue

    def keep(self) -> None:
        """Ask the handle now: it will not know any more."""
        if self._kept is None:
            handle, self._handle = self._handle, None
            self._kept = {name: handle.getinfo(number) for name, number in _TIMES.items()}
            self._kept["queue"] = self.queue

    def as_dict(self) -> dict[str, float]:
        """By the names of `HTTPResponse.time_info`."""
        self.keep()
        return dict(self._kept or {})
