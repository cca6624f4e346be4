"""Error pages: for development with everything, as HTML, JSON or text; for production with as little as possible.

The debug pages show source and variables: send them to this machine only (`is_loopback`). They load nothing from
elsewhere and run no script, but for the one of `_livepage` under ``waterspout dev``.
"""

import json
from typing import Any

from waterspout.escape import xhtml_escape as e
from waterspout.httputil import choose_by_quality
from waterspout.web._errorreport import Failure, Frame, Report, Route
from waterspout.web._foreignpatterns import foreign_pattern

# For every error page: nothing in it may be loaded, run, framed or kept.
HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
)

_FORMATS = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/json": "json",
    "application/problem+json": "json",
    "text/plain": "text",
}
CONTENT_TYPES = {
    "html": "text/html; charset=UTF-8",
    "json": "application/json; charset=UTF-8",
    "text": "text/plain; charset=UTF-8",
}
_SHOWN_ROUTES = 200

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--hit:#d332;--red:#c22}
@media(prefers-color-scheme:dark){:root{--hit:#f553;--red:#f66}}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1.5rem}
h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}
h1 b{color:var(--red)}pre,code,td,summary{font:13px/1.5 ui-monospace,monospace}
p.message{white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0 0}
details{border:1px solid var(--line);border-radius:6px;margin:.4rem 0}
summary{cursor:pointer;padding:.5rem .6rem;word-break:break-all}summary b,summary.quiet{word-break:normal}
pre{margin:0;overflow-x:auto;border-top:1px solid var(--line)}
pre span{display:block;padding:0 .6rem;min-height:1.5em}pre span.hit{background:var(--hit);font-weight:600}
pre i{display:inline-block;width:3.5em;opacity:.6;font-style:normal}
table{border-collapse:collapse;width:100%}
td{border-top:1px solid var(--line);padding:.2rem .6rem;vertical-align:top;overflow-wrap:anywhere}
td:first-child{white-space:nowrap;width:1%;opacity:.8}.quiet{opacity:.75}p.quiet{font-size:13px;overflow-wrap:anywhere}
@media(max-width:40rem){body{padding:1rem}h1{font-size:1.25rem;overflow-wrap:anywhere}
td,td:first-child{display:block;white-space:normal;width:auto}td+td{border:0;padding-top:0}}
"""


def choose_format(accept: str | None) -> str:
    """``html``, ``json`` or ``text``, by the Accept header; text for those that say nothing (curl) or accept none
    of them.
    """
    if not accept or accept.strip() == "*/*":
        return "text"
    weighted = choose_by_quality(accept, _FORMATS, wildcard="*/*")
    return _FORMATS[weighted] if weighted else "text"


def render(report: Report, format: str, live: str = "") -> bytes:
    """The debug page in one of the formats of `choose_format`; in HTML with *live*, which keeps it up to date."""
    if format == "html":
        text = render_html(report, live)
    else:
        text = (render_json if format == "json" else render_text)(report)
    return text.encode("utf-8", "backslashreplace")


def small_page(status: int, reason: str) -> str:
    """The page for production: status and reason, escaped, and nothing of the error itself."""
    title = f"{status}: {e(reason)}"
    return f"<html><title>{title}</title><body>{title}</body></html>"


def problem(status: int, reason: str, detail: str | None = None, **members: Any) -> bytes:
    """The answer of an API in production: application/problem+json (RFC 9457)."""
    body: dict[str, Any] = {"type": "about:blank", "title": reason, "status": status}
    if detail is not None:
        body["detail"] = detail
    return json.dumps(body | members).encode()


def render_html(report: Report, live: str = "") -> str:
    """The debug page for browsers; *live* is markup that keeps it up to date."""
    failure = report.failures[0] if report.failures else None
    if failure is not None and _is_no_route(report, failure):
        return _no_route_html(report, live)
    heading = f"{report.status} {report.reason}"
    title = f"{failure.kind}: {failure.message}"[:120] if failure else heading
    parts = beginning(title, str(report.status), failure.kind if failure else report.reason)
    if failure:
        parts.append(f"<p class=message>{e(failure.message)}</p>")
    parts.append(f"<p class=quiet><code>{e(f'{report.method} {report.uri}')}</code>{_matched_html(report.matched)}</p>")
    parts.append(live)
    for number, each in enumerate(report.failures):
        parts += failure_html(each, first=number == 0)
    if report.routes:
        parts += _routes_html(report.routes)
    return "".join(parts + _end(report))


def _is_no_route(report: Report, failure: Failure) -> bool:
    """Whether the framework itself says that there is no such page: its own lines explain nothing to anybody."""
    return report.status == 404 and bool(report.routes) and not any(frame.own for frame in failure.frames)


def _no_route_html(report: Report, live: str) -> str:
    """The debug page for a path that no route matches: the routes."""
    parts = beginning(f"{report.status} {report.reason}", str(report.status), report.reason)
    parts.append(f"<p class=message>No route matches <code>{e(f'{report.method} {report.uri}')}</code></p>")
    parts += [f"<p class=message>{e(hint)}</p>" for hint in _foreign_patterns(report.routes)]
    parts.append(live)
    return "".join(parts + _routes_html(report.routes) + _end(report))


def _foreign_patterns(routes: tuple[Route, ...]) -> list[str]:
    hints = (foreign_pattern(route.pattern) for route in routes[:_SHOWN_ROUTES])
    return [hint for hint in hints if hint is not None]


def beginning(title: str, marked: str, heading: str) -> list[str]:
    """The page down to its first heading: *marked*, which stands out, and *heading*."""
    return [
        "<!DOCTYPE html><html lang=en><head><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width"><meta name=robots content=noindex>',
        f"<title>{e(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1><b>{e(marked)}</b> {e(heading)}</h1>",
    ]


def _end(report: Report) -> list[str]:
    return [
        "<h2>Request</h2><table>",
        _row("from", report.remote_ip),
        _row("version", report.version),
        *[_row(name, value) for name, value in report.headers],
        "</table><p class=quiet>Shown because debug or serve_traceback is on. Never turn it on in production.</p>"
        "</body></html>",
    ]


def _matched_html(matched: Route | None) -> str:
    return "" if matched is None else f" matched <code>{e(matched.pattern)}</code>, <code>{e(matched.handler)}</code>"


def failure_html(failure: Failure, *, first: bool) -> list[str]:
    """An exception: what it says, unless it is the *first*, whose text is the page's, and its frames."""
    parts = []
    if not first:
        parts.append(f"<h2>{e(failure.kind)} <span class=quiet>{e(failure.relation)}</span></h2>")
        parts.append(f"<p class=message>{e(failure.message)}</p>")
    parts += [f"<p class=message>{e(note)}</p>" for note in failure.notes]
    own = failure.own_frames()
    parts += [_frame_html(frame, open_=first and number == 0) for number, frame in enumerate(own)]
    rest = len(failure.frames) - len(own)
    if rest:
        parts.append(
            f"<details><summary class=quiet>{rest} more in the framework and libraries, all in order</summary>"
        )
        parts += [_frame_html(frame, open_=False) for frame in failure.frames]
        parts.append("</details>")
    return parts


def _frame_html(frame: Frame, *, open_: bool) -> str:
    lines = "".join(
        f"<span{' class=hit' if number == frame.line else ''}><i>{number}</i>{e(text)}</span>"
        for number, text in frame.source
    )
    variables = "".join(_row(name, value) for name, value in frame.variables)
    return (
        f"<details{' open' if open_ else ''}>"
        f"<summary>{e(frame.file)}:{frame.line} in <b>{e(frame.function)}</b></summary>"
        f"{f'<pre>{lines}</pre>' if lines else ''}{f'<table>{variables}</table>' if variables else ''}</details>"
    )


def _routes_html(routes: tuple[Route, ...]) -> list[str]:
    parts = ["<h2>Routes</h2><table>"]
    parts += [_row(route.pattern, f"{route.handler} {route.name}".rstrip()) for route in routes[:_SHOWN_ROUTES]]
    parts.append("</table>")
    if len(routes) > _SHOWN_ROUTES:
        parts.append(f"<p class=quiet>and {len(routes) - _SHOWN_ROUTES} more</p>")
    return parts


def _row(name: str, value: str) -> str:
    return f"<tr><td>{e(name)}<td>{e(value)}"


def render_json(report: Report) -> str:
    """The debug page for programs."""
    body: dict[str, Any] = {
        "status": report.status,
        "reason": report.reason,
        "request": {"method": report.method, "uri": report.uri, "headers": report.headers},
        "errors": [
            {
                "type": failure.kind,
                "message": failure.message,
                "relation": failure.relation,
                "notes": failure.notes,
                "frames": [_frame_data(frame) for frame in failure.frames],
            }
            for failure in report.failures
        ],
    }
    if report.matched:
        body["route"] = _route_data(report.matched)
    if report.routes:
        body["routes"] = [_route_data(route) for route in report.routes]
    return json.dumps(body, indent=1)


def _frame_data(frame: Frame) -> dict[str, Any]:
    source = next((text.strip() for number, text in frame.source if number == frame.line), "")
    data = {"file": frame.file, "line": frame.line, "function": frame.function, "own": frame.own, "source": source}
    return {**data, "variables": dict(frame.variables)} if frame.variables else data


def _route_data(route: Route) -> dict[str, str]:
    return {"pattern": route.pattern, "handler": route.handler, "name": route.name}


def render_text(report: Report) -> str:
    """The debug page for curl: the short form, then the whole traceback, then the routes."""
    lines = [render_short(report)]
    no_route = bool(report.failures) and _is_no_route(report, report.failures[0])
    if no_route:
        lines = [lines[0].partition("\n")[0], "No route matches", *_foreign_patterns(report.routes)]
    for failure in () if no_route else report.failures:
        lines += ["", f"{failure.kind}: {failure.message}" + (f" ({failure.relation})" if failure.relation else "")]
        if failure is not report.failures[0]:  # its notes are in the short form
            lines += failure.notes
        for frame in failure.frames:
            lines.append(f"  {frame.file}:{frame.line} in {frame.function}")
            lines += [f"    {text.strip()}" for number, text in frame.source if number == frame.line]
    if report.routes:
        lines += ["", "Routes:"]
        lines += [
            f"  {route.pattern}  {route.handler} {route.name}".rstrip() for route in report.routes[:_SHOWN_ROUTES]
        ]
    return "\n".join(lines) + "\n"


def render_short(report: Report) -> str:
    """For the terminal: request, error, and the application's own line that it came from."""
    lines = [f"{report.status} {report.reason}: {report.method} {report.uri} ({report.remote_ip})"]
    if report.failures:
        failure = report.failures[0]
        lines += [f"{failure.kind}: {failure.message}", *failure.notes]
        for frame in failure.own_frames()[:1]:
            if failure.notes and not frame.own:
                break  # the notes tell more than the framework's lines
            lines.append(f"  {frame.file}:{frame.line} in {frame.function}")
            near = [(number, text) for number, text in frame.source if abs(number - frame.line) <= 1]
            lines += [f"  {'>' if number == frame.line else ' '} {number:4} {text}" for number, text in near]
    return "\n".join(lines)
