"""Routers: from a request to the delegate that answers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from waterspout.http1connection import as_application
from waterspout.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from waterspout.log import app_log
from waterspout.routing._delegates import NotFoundDelegate, WholeRequestDelegate, open_request
from waterspout.routing._index import PathIndex
from waterspout.routing._matchers import PathMatches
from waterspout.routing._rules import Rule
from waterspout.util import basestring_type

__all__ = ["ReversibleRouter", "ReversibleRuleRouter", "RuleRouter", "Router"]

RuleLike = Rule | list[Any] | tuple[Any, ...]


class Router(HTTPServerConnectionDelegate):
    """Chooses a delegate for each request. Subclasses implement `find_handler`; give one to an `HTTPServer`."""

    __module__ = "waterspout.routing"

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate | None:
        """The delegate that receives *request* and answers on its connection, or None if there is none."""
        raise NotImplementedError

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """See `HTTPServerConnectionDelegate`."""
        return RoutingDelegate(self, server_conn, request_conn)


class ReversibleRouter(Router):
    """A router that can make URLs from the names of its rules."""

    __module__ = "waterspout.routing"

    def reverse_url(self, name: str, *args: Any) -> str | None:
        """The path of the rule called *name* with *args* in it, or None if there is no such rule."""
        raise NotImplementedError


class RoutingDelegate(HTTPMessageDelegate):
    """Waits for the head, asks the router, and passes everything on to what it chose."""

    def __init__(self, router: Router, server_conn: object, request_conn: HTTPConnection) -> None:
        self._router = router
        self._server_conn = server_conn
        self._connection = request_conn
        self._chosen: HTTPMessageDelegate | None = None

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> Any:
        request = getattr(self._connection, "request", None)
        if not isinstance(request, HTTPServerRequest):
            request = HTTPServerRequest(
                connection=self._connection,
                server_connection=self._server_conn,
                start_line=cast(RequestStartLine, start_line),
                headers=headers,
            )
        chosen = self._router.find_handler(request)
        if chosen is None:
            app_log.debug("Delegate for %s %s request not found", request.method, request.path)
            chosen = NotFoundDelegate(self._connection)
        self._chosen = chosen
        return chosen.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Any:
        return None if self._chosen is None else self._chosen.data_received(chunk)

    def finish(self) -> None:
        if self._chosen is not None:
            self._chosen.finish()

    def on_connection_close(self) -> None:
        if self._chosen is not None:
            self._chosen.on_connection_close()


class RuleRouter(Router):
    """Chooses by an ordered list of rules; the first that fits, and whose target serves, wins.

    *rules* are `Rule` objects, or tuples of their arguments, where a plain string stands for `PathMatches`.
    """

    __module__ = "waterspout.routing"

    rules: list[Rule]

    def __init__(self, rules: Sequence[RuleLike] | None = None) -> None:
        self.rules = []
        self._index: PathIndex | None = None
        if rules:
            self.add_rules(rules)

    def add_rules(self, rules: Sequence[RuleLike]) -> None:
        """Append *rules*; see the class."""
        for rule in rules:
            if isinstance(rule, list | tuple):
                if len(rule) not in (2, 3, 4):
                    raise ValueError(
                        f"a rule has 2 to 4 parts (matcher, target, kwargs, name), not {len(rule)}: {rule!r}"
                    )
                if isinstance(rule[0], basestring_type):
                    rule = Rule(PathMatches(rule[0]), *rule[1:])
                else:
                    rule = Rule(*rule)
            self.rules.append(self.process_rule(rule))
        self._index = None

    def process_rule(self, rule: Rule) -> Rule:
        """A hook for subclasses: the rule that is added in place of *rule*."""
        return rule

    def current_index(self) -> PathIndex:
        """The index over `rules`, made anew after their number has changed."""
        index = self._index
        if index is None or index.size != len(self.rules):
            index = self._index = PathIndex(self.rules)
        return index

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate | None:
        """See `Router`."""
        for rule in self.current_index().candidates(request.path):
            parameters = rule.matcher.match(request)
            if parameters is not None:
                if rule.target_kwargs:
                    parameters["target_kwargs"] = rule.target_kwargs
                request.route = rule  # a router inside this one says more than we
                delegate = self.get_target_delegate(rule.target, request, **parameters)
                if delegate is not None:
                    return delegate
                request.route = None
        return None

    def get_target_delegate(
        self, target: Any, request: HTTPServerRequest, **target_params: Any
    ) -> HTTPMessageDelegate | None:
        """The delegate for a rule's *target*; None if it does not serve this request, and the next rule is tried.

        Subclasses extend it for targets of their own.
        """
        if isinstance(target, Router):
            return target.find_handler(request, **target_params)
        if isinstance(target, HTTPServerConnectionDelegate):
            return target.start_request(request.server_connection or request.connection, request.connection)
        if callable(target):
            application = as_application(target)
            delegate = None if request.complete else open_request(application, request, target_params)
            return delegate or WholeRequestDelegate(application, request, target_params)
        return None


class ReversibleRuleRouter(ReversibleRouter, RuleRouter):
    """A `RuleRouter` whose named rules can be reversed."""

    __module__ = "waterspout.routing"

    named_rules: dict[str, Rule]

    def __init__(self, rules: Sequence[RuleLike] | None = None) -> None:
        self.named_rules = {}
        super().__init__(rules)

    def process_rule(self, rule: Rule) -> Rule:
        """Note the rule's name."""
        rule = super().process_rule(rule)
        if rule.name:
            if rule.name in self.named_rules:
                app_log.warning("Multiple handlers named %s; replacing previous value", rule.name)
            self.named_rules[rule.name] = rule
        return rule

    def reverse_url(self, name: str, *args: Any) -> str | None:
        """See `ReversibleRouter`; nested routers are asked too."""
        rule = self.named_rules.get(name)
        if rule is not None:
            return rule.reverse(*args)
        for rule in self.rules:
            if isinstance(rule.target, ReversibleRouter):
                try:
                    url = rule.target.reverse_url(name, *args)
                except KeyError:  # an Application does not know the name
                    continue
                if url is not None:
                    return url
        return None
