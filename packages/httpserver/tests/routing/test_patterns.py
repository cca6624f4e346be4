"""What is known of a path pattern without matching it."""

from __future__ import annotations

import re

import pytest

from waterspout.routing._patterns import parse_path_pattern


@pytest.mark.parametrize(
    ("pattern", "literal", "prefix"),
    [
        ("/$", "/", "/"),
        ("/about$", "/about", "/about"),
        (r"/robots\.txt$", "/robots.txt", "/robots.txt"),
        ("^/x$", "/x", "/x"),
        ("/story/([0-9]+)$", None, "/story/"),
        ("/a/b?$", None, "/a/"),
        ("/a/b+$", None, "/a/b"),
        ("/a.b$", None, "/a"),
        ("/(a|b)$", None, ""),
        ("(?i)/a$", None, ""),
        (r"/\d$", None, "/"),
        ("", None, ""),
    ],
)
def test_literal_and_prefix(pattern: str, literal: str | None, prefix: str) -> None:
    parsed = parse_path_pattern(re.compile(pattern))
    assert (parsed.literal, parsed.prefix) == (literal, prefix)


@pytest.mark.parametrize(
    ("pattern", "only"),
    [
        (r"/(favicon\.ico)$", "/favicon.ico"),
        ("/(a)/(b)$", "/a/b"),
        ("/((a))$", "/a"),
        ("/a$", None),
        ("/(a)*$", None),
        ("/(a)?b$", None),
        ("/(a+)$", None),
        ("/(a|b)$", None),
        ("/([ab])$", None),
        ("/(?:a)$", None),
        ("/(?P<x>a)$", None),
        (r"/\(a\)$", None),
        (r"/(a)\d$", None),
        ("/(a)", None),
    ],
)
def test_one_path_alone_with_parts_of_it_in_groups(pattern: str, only: str | None) -> None:
    assert parse_path_pattern(re.compile(pattern)).only == only


def test_a_pattern_that_ignores_case_has_no_literal_part() -> None:
    assert parse_path_pattern(re.compile("/a$", re.IGNORECASE)).literal is None


@pytest.mark.parametrize(
    ("pattern", "template"),
    [
        ("/a/([0-9]+)/b$", "/a/{}/b"),
        (r"^/(?P<x>[^/)]+)\.(\w+)$", "/{}.{}"),
        ("/{a}%/(x)$", "/{{a}}%/{}"),
        ("/((a)b)$", None),
        ("/(?:a)$", None),
        ("/(a)?$", None),
        (r"/\d$", None),
        ("/a|b$", None),
    ],
)
def test_templates(pattern: str, template: str | None) -> None:
    if "{a}" in pattern:
        pattern = pattern.replace("{a}", r"\{a\}")
    assert parse_path_pattern(re.compile(pattern)).template == template
