"""What ``waterspout dev`` shows in place of an application that does not load or start, until its files are mended."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from typing import Any

from waterspout.cli._target import TargetError
from waterspout.escape import xhtml_escape as e
from waterspout.httputil import HTTPHeaders, HTTPServerRequest
from waterspout.web import Application, RequestHandler
from waterspout.web._errorpage import CONTENT_TYPES, beginning, choose_format, failure_html, render_json
from waterspout.web._errorreport import Failure, Report, build_report
from waterspout.web._livepage import HEADER, POLICY, live_html

__all__ = ["LoadFailure", "application_that_shows", "places_to_watch"]


class LoadFailure:
    """The *error* with which *target* *failed*, as page, data and text, rendered at once: files change."""

    def __init__(self, target: str, error: BaseException, failed: str = "does not load") -> None:
        request = HTTPServerRequest("GET", "/", headers=HTTPHeaders())
        report = build_report(500, f"{target} {failed}", request, error)
        if isinstance(error, TargetError):  # its message says it all; the lines that found it out are ours
            report = replace(report, failures=(Failure("no application", str(error), (), ()),))
        self.lines: str = _lines(report)
        self.id: str = hashlib.sha256(self.lines.encode("utf-8", "backslashreplace")).hexdigest()[:16]
        bodies = {"html": _page(report, self.id), "json": _data(report), "text": self.lines + "\n"}
        self.bodies: dict[str, bytes] = {
            form: text.encode("utf-8", "backslashreplace") for form, text in bodies.items()
        }


def _lines(report: Report) -> str:
    """For the terminal: what failed, and the application's own lines that led there, the innermost first."""
    failure = report.failures[0]
    lines = [f"{report.reason}: {failure.kind}: {failure.message}"]
    own = [frame for frame in failure.own_frames() if frame.own]
    for number, frame in enumerate(own[:4]):
        lines.append(f"  {_shown(frame.file)}:{frame.line} in {frame.function}")
        near = [(at, text) for at, text in frame.source if abs(at - frame.line) <= (1 if number == 0 else 0)]
        lines += [f"  {'>' if at == frame.line else ' '} {at:4} {text}" for at, text in near]
    return "\n".join(lines)


def _shown(file: str) -> str:
    """*file* as it is called from here, if that is shorter."""
    try:
        return min(os.path.relpath(file), file, key=len)
    except ValueError:  # on another drive
        return file


def _page(report: Report, identity: str) -> str:
    failure = report.failures[0]
    parts = beginning(f"{report.reason}: {failure.kind}", f"{report.reason}:", failure.kind)
    parts.append(f"<p class=message>{e(failure.message)}</p>")
    # It may be the answer to a POST, which has reached nobody: the address is opened by GET.
    parts.append(live_html(identity, "This page reloads by itself when a file is mended."))
    for number, each in enumerate(report.failures):
        parts += failure_html(each, first=number == 0)
    parts.append("<p class=quiet>Shown by <code>waterspout dev</code>, on this machine alone.</p></body></html>")
    return "".join(parts)


def _data(report: Report) -> str:
    data = json.loads(render_json(report))
    del data["request"]  # whatever is asked, this is the answer
    return json.dumps(data, indent=1)


class _Shows(RequestHandler):
    """Answers whatever is asked with the failure."""

    def initialize(self, failure: LoadFailure) -> None:
        self.failure = failure

    def prepare(self) -> None:
        form = choose_format(self.request.headers.get("Accept"))
        self.set_status(500)
        self.set_header("Content-Type", CONTENT_TYPES[form])
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        self.set_header(HEADER, self.failure.id)
        self.finish(self.failure.bodies[form])


def application_that_shows(failure: LoadFailure) -> Application:
    """Any request is answered with *failure*, without a line in the log, to clients of this machine alone."""
    return Application(
        [(".*", _Shows, {"failure": failure})], debug=True, autoreload=False, log_function=lambda handler: None
    )


def places_to_watch(target: str, error: BaseException) -> set[str]:
    """Files and folders whose change may mend *error*: those of modules that did not load are not watched as such."""
    from traceback import walk_tb

    places: set[Any] = {target.partition(":")[0]}
    cause: BaseException | None = error
    for _ in range(8):  # a chain may be a ring
        if cause is None:
            break
        files = {frame.f_code.co_filename for frame, _ in walk_tb(cause.__traceback__)}
        places |= files
        missing = getattr(cause, "filename", None)
        if isinstance(missing, str | bytes):  # of a SyntaxError, or of an OSError
            places |= {os.fsdecode(missing), os.path.dirname(os.path.abspath(os.fsdecode(missing)))}
        if isinstance(cause, ImportError):  # the module may be written next
            places |= {os.path.dirname(os.path.abspath(file)) for file in files if os.path.isfile(file)}
        cause = cause.__cause__ or cause.__context__
    return {place for place in places if os.path.exists(place)}
