"""The debug error page for a handler: what it is made of, and who may see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from waterspout.httputil import responses
from waterspout.routing import HostMatches, PathMatches, Rule
from waterspout.web._errorpage import CONTENT_TYPES, HEADERS, choose_format, render, render_short
from waterspout.web._errorreport import Report, Route, build_report
from waterspout.web._hosts import is_loopback
from waterspout.web._unknownproxy import comes_from_elsewhere

if TYPE_CHECKING:
    from waterspout.web._handler import RequestHandler

__all__ = ["may_see", "routes_of", "short_report", "write_debug_page"]


def may_see(handler: RequestHandler) -> bool:
    """Whether the client is on this machine, and does not come through a proxy on it: the page shows source and
    variables.
    """
    return is_loopback(handler.request.remote_ip or "") and not comes_from_elsewhere(handler.request)


def write_debug_page(handler: RequestHandler, status: int, error: BaseException) -> None:
    """Write the page, in the format that the client accepts, and the headers that go with it."""
    form = choose_format(handler.request.headers.get("Accept"))
    handler.set_header("Content-Type", CONTENT_TYPES[form])
    for name, value in HEADERS:
        handler.set_header(name, value)
    live = ""
    started_as = handler.application._started_as
    if form == "html" and started_as is not None:
        from waterspout.web._livepage import POLICY, live_html  # only under `waterspout dev`

        handler.set_header("Content-Security-Policy", POLICY)
        said = "This page reloads by itself when the code has changed."
        live = live_html(started_as, said, repeats=handler.request.method == "GET")
    handler.write(render(_report(handler, status, error), form, live))


def short_report(handler: RequestHandler, error: BaseException) -> str:
    """The same for the terminal, in a few lines."""
    return render_short(_report(handler, 500, error))


def _report(handler: RequestHandler, status: int, error: BaseException) -> Report:
    rules = handler.application.default_router.rules
    known = list(routes_of(rules))
    name = _name(type(handler))
    request: Any = handler.request
    return build_report(
        status,
        handler._own_reason or responses.get(status, "Unknown"),
        request,
        error,
        matched=next((route for route in known if route.handler == name), None),
        routes=known if status == 404 else (),
        known_secrets=_secrets(handler),
    )


def routes_of(rules: Iterable[Rule], host: str = "") -> Iterator[Route]:
    """The routing table, flat, in the order in which it is tried."""
    for rule in rules:
        matcher = rule.matcher
        here = matcher.host_pattern.pattern + " " if isinstance(matcher, HostMatches) else host
        below = getattr(rule.target, "rules", None)
        if below is not None:
            yield from routes_of(below, here)
        else:
            pattern = matcher.regex.pattern if isinstance(matcher, PathMatches) else repr(matcher)
            yield Route(here + pattern, _name(rule.target), rule.name or "")


def _name(target: Any) -> str:
    if isinstance(target, type):
        return f"{target.__module__}.{target.__qualname__}"
    return repr(target)


def _secrets(handler: RequestHandler) -> Iterator[str | bytes]:
    secret = handler.settings.get("cookie_secret")
    if isinstance(secret, str | bytes):
        yield secret
    elif secret:
        yield from secret.values()
    for morsel in handler.request.cookies.values():
        yield morsel.value
