"""The router of an application: its targets may be handlers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from waterspout.routing import ReversibleRuleRouter, Rule
from waterspout.web._handler import RequestHandler

if TYPE_CHECKING:
    from waterspout.httputil import HTTPMessageDelegate, HTTPServerRequest
    from waterspout.web._application import Application

__all__ = ["HandlerRouter"]


class HandlerRouter(ReversibleRuleRouter):
    """A router whose targets may be handler classes and lists of further rules."""

    def __init__(self, application: Application, rules: Sequence[Any] | None = None) -> None:
        self._application = application
        super().__init__(rules)

    def process_rule(self, rule: Rule) -> Rule:
        rule = super().process_rule(rule)
        if isinstance(rule.target, list | tuple):
            rule.target = HandlerRouter(self._application, rule.target)
        self._application._route_added(rule)
        return rule

    def get_target_delegate(
        self, target: Any, request: HTTPServerRequest, **target_params: Any
    ) -> HTTPMessageDelegate | None:
        if isinstance(target, type) and issubclass(target, RequestHandler):
            return self._application.get_handler_delegate(request, target, **target_params)
        return super().get_target_delegate(target, request, **target_params)
