"""Patterns in the style of other frameworks are told from regular expressions."""

from __future__ import annotations

import pytest

from waterspout.web._foreignpatterns import foreign_pattern


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("/book/<name>$", "/book/([^/]+)"),
        ("/book/<int:number>/page$", "/book/([0-9]+)/page"),
        ("/book/{name}$", "/book/([^/]+)"),
        ("/{shelf}/{number:int}$", "/([^/]+)/([0-9]+)"),
    ],
)
def test_placeholders_are_told_with_what_was_meant(pattern: str, meant: str) -> None:
    shown = pattern.removesuffix("$")
    assert foreign_pattern(pattern) == f"{shown}: patterns are regular expressions, as in {meant}"


@pytest.mark.parametrize(
    "pattern",
    ["/$", "/book/(?P<name>[^/]+)$", "/(?P<a>.)(?P=a)$", "/[0-9]{1,3}$", "/a{2}$", "/a(?<=a)b$", "/a(?<!b)b$", "/<>$"],
)
def test_regular_expressions_are_left_alone(pattern: str) -> None:
    assert foreign_pattern(pattern) is None
