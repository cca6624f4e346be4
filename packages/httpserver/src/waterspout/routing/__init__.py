"""Routing: rules that lead requests to applications, routers and handlers."""

from waterspout.routing._matchers import AnyMatches, DefaultHostMatches, HostMatches, Matcher, PathMatches
from waterspout.routing._routers import ReversibleRouter, ReversibleRuleRouter, Router, RuleRouter
from waterspout.routing._rules import Rule, URLSpec

__all__ = [
    "AnyMatches",
    "DefaultHostMatches",
    "HostMatches",
    "Matcher",
    "PathMatches",
    "ReversibleRouter",
    "ReversibleRuleRouter",
    "Router",
    "Rule",
    "RuleRouter",
    "URLSpec",
]
