"""Matchers: what a rule requires of a request, and what it takes from it."""

from __future__ import annotations

import re
from re import Pattern
from typing import Any
from urllib.parse import quote

from waterspout.escape import url_unescape, utf8
from waterspout.httputil import HTTPServerRequest
from waterspout.routing._patterns import PathPattern, parse_path_pattern
from waterspout.util import basestring_type, is_tornado_compat

__all__ = ["AnyMatches", "DefaultHostMatches", "HostMatches", "Matcher", "PathMatches"]


class Matcher:
    """Decides whether a request fits a rule."""

    __module__ = "waterspout.routing"

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """What *request* gives to the rule's target, or None if it does not fit.

        An empty dictionary is a match without parameters. For handlers the keys are ``path_args`` (a list) and
        ``path_kwargs`` (a dictionary), of percent-decoded bytes or None.
        """
        raise NotImplementedError

    def reverse(self, *args: Any) -> str | None:
        """The URL path that this matcher fits with *args* in its groups, or None if it has none."""
        return None


class AnyMatches(Matcher):
    """Fits every request."""

    __module__ = "waterspout.routing"

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """See `Matcher`."""
        return {}


class HostMatches(Matcher):
    """Fits requests for hosts that a regular expression matches as a whole."""

    __module__ = "waterspout.routing"
    host_pattern: Pattern[str]

    def __init__(self, host_pattern: str | Pattern[str]) -> None:
        if isinstance(host_pattern, basestring_type):
            pattern = host_pattern if host_pattern.endswith("$") else host_pattern + "$"
            self.host_pattern = re.compile(pattern)
        else:
            self.host_pattern = host_pattern

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """See `Matcher`."""
        return {} if self.host_pattern.match(request.host_name) else None


class DefaultHostMatches(Matcher):
    """Fits requests if the application's default host is matched, unless a proxy has set the address."""

    __module__ = "waterspout.routing"

    application: Any
    host_pattern: Pattern[str]

    def __init__(self, application: Any, host_pattern: Pattern[str]) -> None:
        self.application = application
        self.host_pattern = host_pattern

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """See `Matcher`."""
        # Behind a proxy the Host field is the proxy's business: the default must not open other hosts' handlers.
        if "X-Real-Ip" in request.headers:
            return None
        return {} if self.host_pattern.match(self.application.default_host) else None


class PathMatches(Matcher):
    """Fits requests whose path a regular expression matches as a whole; its groups become arguments.

    Groups are either all named, and become ``path_kwargs``, or count as ``path_args`` in order.
    """

    __module__ = "waterspout.routing"
    regex: Pattern[str]

    def __init__(self, path_pattern: str | Pattern[str]) -> None:
        if isinstance(path_pattern, basestring_type):
            self.regex = re.compile(path_pattern if path_pattern.endswith("$") else path_pattern + "$")
        else:
            self.regex = path_pattern
        named = len(self.regex.groupindex)
        if named not in (0, self.regex.groups):
            raise ValueError(
                f"groups in url regexes must either be all named or all positional: {self.regex.pattern!r}"
            )
        self.pattern: PathPattern = parse_path_pattern(self.regex)
        #: Whether the groups count by their order, none by its name.
        self.is_positional: bool = not named

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """See `Matcher`."""
        found = self.regex.match(request.path)
        if found is None:
            return None
        if not self.regex.groups:
            return {}
        if self.regex.groupindex:
            return {"path_args": [], "path_kwargs": {name: _unquoted(v) for name, v in found.groupdict().items()}}
        groups = found.groups()
        if len(groups) == 1 and (value := groups[0]) is not None and "%" not in value:  # nearly every route
            return {"path_args": [value.encode()], "path_kwargs": {}}
        return {"path_args": [_unquoted(value) for value in groups], "path_kwargs": {}}

    def reverse(self, *args: Any) -> str | None:
        """The path with *args* percent-encoded in place of the groups.

        A slash in an argument becomes ``%2F``, so that an argument never adds segments to the path; it stays a slash
        where the process has Tornado's ways for its default (``waterspout.tornado.install``).

        Raises `ValueError` where the pattern cannot be reversed, and `TypeError` for a wrong number of arguments.
        """
        template = self.pattern.template
        if template is None:
            raise ValueError("Cannot reverse url regex " + self.regex.pattern)
        if len(args) != self.regex.groups:
            raise TypeError(f"{self.regex.pattern!r} needs {self.regex.groups} arguments, not {len(args)}")
        return template.format(*[_quoted(argument) for argument in args])

    @property
    def _path(self) -> str | None:
        """The pattern as a %s template, as instrumentation packages read it; None if it cannot be reversed."""
        return self.pattern.percent_template

    def _find_groups(self) -> tuple[str | None, int | None]:
        if self.pattern.template is None:
            return None, None
        return self.pattern.percent_template, self.regex.groups


def _unquoted(value: str | None) -> bytes | None:
    return None if value is None else url_unescape(value, encoding=None, plus=False)


def _quoted(argument: Any) -> str:
    if not isinstance(argument, str | bytes):
        argument = str(argument)
    return quote(utf8(argument), safe="/~" if is_tornado_compat(None) else "~")
