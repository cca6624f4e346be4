"""``waterspout routes``: which path leads to which handler."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

from waterspout.cli._arguments import Parsed
from waterspout.cli._target import TargetError, load
from waterspout.routing import HostMatches, PathMatches, Rule, RuleRouter
from waterspout.web import Application, RequestHandler

__all__ = ["Route", "execute", "routes_of"]


class Route(NamedTuple):
    """One way to a handler. *host* is empty where any will do, *methods* where they cannot be told."""

    host: str
    pattern: str
    methods: str
    target: str
    name: str


def execute(command: str, parsed: Parsed) -> int:
    """Print the routes as a table, in the order in which they are tried."""
    try:
        application = asyncio.run(load(parsed.operands[0]))
    except TargetError as error:
        raise SystemExit(f"waterspout: {error}") from None
    if not isinstance(application, Application):
        raise SystemExit(f"waterspout: {parsed.operands[0]} is no Application but {application!r}")
    rows = [route for route, _ in routes_of(application)]
    columns = [column for column in range(len(Route._fields)) if any(row[column] for row in rows)]
    widths = {column: max(len(row[column]) for row in rows) for column in columns}
    for row in rows:
        print("  ".join(f"{row[column]:{widths[column]}}" for column in columns).rstrip())
    if not rows:
        print("no routes: every request is answered with 404")
    return 0


def routes_of(application: Application) -> Iterator[tuple[Route, Rule]]:
    """The routes in the order in which they are tried, with the rules that they are."""
    yield from _below(application.default_router, "", "")


def _below(router: RuleRouter, host: str, prefix: str) -> Iterator[tuple[Route, Rule]]:
    for rule in router.rules:
        matcher, target = rule.matcher, rule.target
        pattern, at = prefix, host
        if isinstance(matcher, HostMatches):
            at = matcher.host_pattern.pattern.removesuffix("$")
        elif isinstance(matcher, PathMatches):
            pattern = prefix + matcher.regex.pattern.removesuffix("$")
        if isinstance(target, RuleRouter):
            yield from _below(target, at, pattern)
        else:
            yield Route(at, pattern or "(any)", _methods(target), _name(target), rule.name or ""), rule


def _methods(target: Any) -> str:
    if not (isinstance(target, type) and issubclass(target, RequestHandler)):
        return ""
    plain = RequestHandler._unimplemented
    return ",".join(m for m in target.SUPPORTED_METHODS if getattr(target, m.lower(), plain) is not plain)


def _name(target: Any) -> str:
    if isinstance(target, type) or callable(target):
        return f"{target.__module__}.{getattr(target, '__qualname__', type(target).__qualname__)}"
    return repr(target)
