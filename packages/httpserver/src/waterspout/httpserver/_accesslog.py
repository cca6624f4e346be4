"""The access log: one record for each request, as text or JSON, safe whatever was sent."""

from __future__ import annotations

import json
import time
from logging import ERROR, INFO, WARNING, Logger
from typing import TYPE_CHECKING, Any

from waterspout.http1connection import HTTP1ServerConnection, ObservedRequest, ServerObserver
from waterspout.httputil import HTTPInputError, LogLimit, loggable, mask_query
from waterspout.log import access_log, worker

if TYPE_CHECKING:
    from waterspout.httputil import HTTPServerRequest

__all__ = ["AccessLog"]

#: Characters of a target and of other texts that a client chose.
MAX_TARGET, MAX_TEXT = 2048, 256


class AccessLog(ServerObserver):
    """Writes a record when a request is over: ``HTTPServer(observer=AccessLog())``.

    *form* is ``"text"`` (``200 GET /x?token=*** (192.0.2.1) 1.20ms 512B id=...``) or ``"json"`` (an object with `time`,
    `id`, `client`, `method`, `target`, `route`, `version`, `host`, `status`, `outcome`, `seconds`, `first_byte`,
    `received`, `sent`, `user_agent`, `referer`; the status is null where none was sent; in one of several workers also
    `worker`, its number, which in lines of text is part of `waterspout.log.LogFormatter`'s). Values of query
    parameters that look like secrets are masked, control characters escaped, long texts cut. Levels are Tornado's: info
    below 400, warning below 500, error above; a client that left is info. Who sends what is no request, again and
    again, is logged 20 times in ten seconds at most. An `Application` leaves its own lines out then, unless *logger* is
    another one than its (``waterspout.access``), or it has a ``log_function``.
    """

    __module__ = "waterspout.httpserver"

    def __init__(self, form: str = "text", logger: Logger = access_log) -> None:
        """Raises `ValueError` for another *form*."""
        if form not in ("text", "json"):
            raise ValueError(f'the form of an access log is "text" or "json", not {form!r}')
        self._write = self._write_text if form == "text" else self._write_json
        self._logger = logger
        self.writes_access_log: bool = logger is access_log
        self._limit = LogLimit()

    def request_finished(self, observed: ObservedRequest) -> None:
        """See `ServerObserver`."""
        self._over(observed, "finished")

    def request_failed(self, observed: ObservedRequest, error: BaseException) -> None:
        """See `ServerObserver`."""
        self._over(observed, "refused" if isinstance(error, HTTPInputError) else "cut off")

    def request_refused(self, connection: HTTP1ServerConnection, error: BaseException) -> None:
        """See `ServerObserver`."""
        client = _client(connection)
        level = WARNING
        if self._logger.isEnabledFor(level) and self._limit.allows(client):
            status = error.status if isinstance(error, HTTPInputError) else None
            self._write(level, {"client": client, "status": status, "outcome": "refused", "error": _text(str(error))})

    def _over(self, observed: ObservedRequest, outcome: str) -> None:
        status = observed.status
        level = INFO if status is None or status < 400 else WARNING if status < 500 else ERROR
        if not self._logger.isEnabledFor(level):
            return
        request = observed.request
        first = None if observed.first_byte is None else round(observed.first_byte - observed.began, 6)
        self._write(
            level,
            {
                "id": request.request_id,
                "client": _text(request.remote_ip),
                "method": _text(request.method),
                "target": _target(request),
                "route": observed.route,
                "version": request.version,
                "host": _text(request.host),
                "status": status,
                "outcome": outcome,
                "seconds": round(observed.seconds, 6),
                "first_byte": first,
                "received": observed.received,
                "sent": observed.sent,
                "user_agent": _text(request.headers.get("User-Agent")),
                "referer": _text(mask_query((request.headers.get("Referer") or "")[: 2 * MAX_TARGET])) or None,
            },
        )

    def _write_text(self, level: int, record: dict[str, Any]) -> None:
        status = "-" if record["status"] is None else record["status"]
        if "id" not in record:
            self._logger.log(level, "%s - (%s) %s", status, record["client"], record["error"])
            return
        outcome = "" if record["outcome"] == "finished" else f" {record['outcome']}"
        self._logger.log(
            level,
            "%s %s %s (%s) %.2fms %dB id=%s%s",
            status, record["method"], record["target"], record["client"], 1000 * record["seconds"], record["sent"],
            record["id"], outcome,
        )  # fmt: skip

    def _write_json(self, level: int, record: dict[str, Any]) -> None:
        now = time.time()
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}Z"
        number = worker()
        place = {} if number is None else {"worker": number}
        self._logger.log(level, "%s", json.dumps({"time": text, **place, **record}))


def _client(connection: HTTP1ServerConnection) -> str:
    return _text(getattr(connection.context, "remote_ip", None)) or "-"


def _target(request: HTTPServerRequest) -> str:
    # Cut before the search for secrets, too: a target may have any length.
    return loggable(mask_query(request.uri[: 2 * MAX_TARGET]), MAX_TARGET)


def _text(text: str | None) -> Any:
    return None if text is None else loggable(text, MAX_TEXT)
