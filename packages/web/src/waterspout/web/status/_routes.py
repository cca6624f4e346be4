"""The numbers of each route: as many as there are route templates, and never more than `MAX_ROUTES`."""

from __future__ import annotations

from typing import Any

from waterspout.web.status._histogram import Histogram, Recent

__all__ = ["MAX_ROUTES", "OTHERS", "UNKNOWN", "Route", "Routes"]

#: Routes with numbers of their own; those that come later share one. A router that makes up rules as requests come
#: must not cost memory without end.
MAX_ROUTES = 100
OTHERS, UNKNOWN = "(others)", "(no route)"


class Route:
    """What is known of one route template."""

    __slots__ = ("hidden", "name", "over", "recent", "total", "waits")

    name: str
    #: Its times since the start, and those of the last minutes.
    total: Histogram
    recent: Recent
    #: How many requests are over, by the first digit of the status; 0: cut off without one.
    over: list[int]
    #: Waiting is what it is for (a long poll): its times say nothing of how quick the application is.
    waits: bool
    #: The status page itself.
    hidden: bool

    def __init__(self, name: str, *, waits: bool = False, hidden: bool = False) -> None:
        self.name = name
        self.total = Histogram()
        self.recent = Recent()
        self.over = [0] * 10
        self.waits = waits
        self.hidden = hidden


class Routes:
    """The routes that were asked for so far; *waits* and *hidden* are templates."""

    def __init__(self, waits: frozenset[str], hidden: frozenset[str]) -> None:
        self._waits = waits
        self._hidden = hidden
        self._by_rule: dict[Any, Route] = {}
        self._by_name: dict[str, Route] = {}

    def __iter__(self) -> Any:
        return iter([route for route in self._by_name.values() if not route.hidden])

    def of(self, rule: Any) -> Route:
        """The route of ``request.route``, which is None where nothing fits the path."""
        route = self._by_rule.get(rule)
        return self._find(rule) if route is None else route

    def _find(self, rule: Any) -> Route:
        name = getattr(rule, "template", None) or UNKNOWN
        if name not in self._by_name and len(self._by_name) >= MAX_ROUTES and name not in self._hidden:
            name = OTHERS
        route = self._by_name.get(name)
        if route is None:
            route = self._by_name[name] = Route(name, waits=name in self._waits, hidden=name in self._hidden)
        if len(self._by_rule) >= 2 * MAX_ROUTES:
            self._by_rule.clear()
        self._by_rule[rule] = route
        return route
