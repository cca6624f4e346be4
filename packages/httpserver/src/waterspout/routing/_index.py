"""Finding the first rule that fits a path without trying them all.

Order decides: of all rules that match, the first wins. Rules that match one literal path, with groups or without, are
found by it; rules that
begin with a literal first segment (``/story/...``) are only tried for paths with that segment; all others are tried
for every path. Each list keeps the order of the rules, and a literal hit only wins over earlier patterns if none of
them matches.
"""

from __future__ import annotations

from collections.abc import Sequence

from waterspout.routing._matchers import PathMatches
from waterspout.routing._rules import Rule

__all__ = ["PathIndex"]


class PathIndex:
    """An index over an ordered list of rules."""

    __slots__ = ("_by_segment", "_exact", "_other_rules", "_others", "_rules_by_segment", "first_exact", "size")

    size: int
    first_exact: dict[str, Rule]

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.size = len(rules)
        self._exact: dict[str, tuple[int, Rule]] = {}
        others: list[tuple[int, Rule]] = []
        segments: dict[str, list[tuple[int, Rule]]] = {}
        for number, rule in enumerate(rules):
            matcher = rule.matcher
            if type(matcher) is not PathMatches:
                others.append((number, rule))
                continue
            pattern = matcher.pattern
            path = pattern.literal if pattern.literal is not None else pattern.only
            if path is not None:
                self._exact.setdefault(path, (number, rule))
            else:
                segment = first_segment(pattern.prefix)
                if segment is None:
                    others.append((number, rule))
                else:
                    segments.setdefault(segment, []).append((number, rule))
        self._others = tuple(others)
        self._by_segment = {key: tuple(sorted(found + others, key=lambda e: e[0])) for key, found in segments.items()}
        # The same without their numbers, for paths that no literal rule takes.
        self._other_rules = tuple(rule for _, rule in others)
        self._rules_by_segment = {key: tuple(rule for _, rule in found) for key, found in self._by_segment.items()}
        #: Paths that no earlier rule could take from their literal rule, and that have no groups.
        self.first_exact = {path: rule for path, (n, rule) in self._exact.items() if self._is_first(path, n, rule)}

    def _is_first(self, path: str, number: int, rule: Rule) -> bool:
        matcher = rule.matcher
        without_groups = isinstance(matcher, PathMatches) and matcher.pattern.literal is not None
        return without_groups and all(other > number for other, _ in self._patterns(path))

    def _patterns(self, path: str) -> Sequence[tuple[int, Rule]]:
        end = path.find("/", 1)
        if end < 0:
            return self._others
        return self._by_segment.get(path[: end + 1], self._others)

    def candidates(self, path: str) -> Sequence[Rule]:
        """The rules that may match *path*, in order; matching them is left to the caller.

        For nearly every path this is one rule, or none.
        """
        exact = self._exact.get(path)
        if exact is None:
            end = path.find("/", 1)
            return self._other_rules if end < 0 else self._rules_by_segment.get(path[: end + 1], self._other_rules)
        patterns = self._patterns(path)
        number = exact[0]
        before = [rule for n, rule in patterns if n < number]
        after = [rule for n, rule in patterns if n > number]
        return [*before, exact[1], *after]


def first_segment(prefix: str) -> str | None:
    """``/story/`` of ``/story/x``; None unless the segment is complete."""
    end = prefix.find("/", 1)
    return prefix[: end + 1] if prefix.startswith("/") and end > 0 else None
