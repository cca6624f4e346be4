"""Rules: a matcher and the target it leads to."""

from __future__ import annotations

from re import Pattern
from typing import Any

from waterspout.routing._matchers import Matcher, PathMatches
from waterspout.util import basestring_type, import_object

__all__ = ["Rule", "URLSpec"]


class Rule:
    """Requests that *matcher* fits go to *target*.

    *target* is what the router understands: a delegate, a router, a callable, for an application also a request
    handler class or a list of rules. *target_kwargs* are given to it, *name* is for `reverse_url`.
    """

    __module__ = "waterspout.routing"

    matcher: Matcher
    target: Any
    target_kwargs: dict[str, Any]
    name: str | None

    def __init__(
        self, matcher: Matcher, target: Any, target_kwargs: dict[str, Any] | None = None, name: str | None = None
    ) -> None:
        if isinstance(target, basestring_type):
            target = import_object(target)
        self.matcher = matcher
        self.target = target
        self.target_kwargs = target_kwargs or {}
        self.name = name

    def reverse(self, *args: Any) -> str | None:
        """See `Matcher.reverse`."""
        return self.matcher.reverse(*args)

    @property
    def template(self) -> str | None:
        """The path of this rule with ``{}`` for each group, for logs and metrics: the same for all requests that it
        fits. A pattern without such a form is given as it is; None for rules that look at something else."""
        if not isinstance(self.matcher, PathMatches):
            return None
        template, regex = self.matcher.pattern.template, self.matcher.regex
        return regex.pattern if template is None else template.format(*["{}"] * regex.groups)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.matcher!r}, {self.target}, kwargs={self.target_kwargs!r}, name={self.name!r})"
        )


class URLSpec(Rule):
    """Requests whose path fits the regular expression *pattern* go to the *handler*.

    *kwargs* are given to the handler's ``initialize``. *handler* may be a dotted name, imported now.
    """

    __module__ = "waterspout.routing"

    matcher: PathMatches
    regex: Pattern[str]
    handler_class: Any
    kwargs: dict[str, Any]

    def __init__(
        self, pattern: str | Pattern[str], handler: Any, kwargs: dict[str, Any] | None = None, name: str | None = None
    ) -> None:
        matcher = PathMatches(pattern)
        super().__init__(matcher, handler, kwargs, name)
        self.regex = matcher.regex
        self.handler_class = self.target
        self.kwargs = kwargs or {}

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"{kind}({self.regex.pattern!r}, {self.handler_class}, kwargs={self.kwargs!r}, name={self.name!r})"
