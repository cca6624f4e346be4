"""The index gives the candidates in the order of the rules, and never loses one."""

from __future__ import annotations

import re
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from waterspout.routing import AnyMatches, PathMatches, Rule
from waterspout.routing._index import PathIndex, first_segment

PATTERNS = ["/", "/a", "/a/b", "/a/(.*)", "/a/([0-9]+)", "/(.*)", "/b/x?", "/b/(x)", ".*", "/ab", "/a.", "/b/.*", "/B"]
PATTERNS += ["/(a)", "/(a)/b", "/(a)*", "/((a))", r"/(\(a\))"]
PATHS = ["/", "/a", "/a/b", "/a/1", "/ab", "/b/x", "/b/", "/c", "/a/b/c", "/B"]


@settings(max_examples=200)
@given(patterns=st.lists(st.sampled_from(PATTERNS), max_size=8), path=st.sampled_from(PATHS))
def test_the_first_match_is_that_of_trying_all_in_order(patterns: list[str], path: str) -> None:
    rules = [Rule(PathMatches(pattern), number) for number, pattern in enumerate(patterns)]
    wanted = next((n for n, pattern in enumerate(patterns) if re.fullmatch(pattern, path)), None)
    index = PathIndex(rules)
    found = next((r.target for r in index.candidates(path) if r.matcher.regex.match(path)), None)
    assert found == wanted
    if path in index.first_exact:
        assert index.first_exact[path].target == wanted


def test_other_matchers_keep_their_place() -> None:
    rules = [Rule(PathMatches("/a"), 0), Rule(AnyMatches(), 1), Rule(PathMatches("/b"), 2)]
    index = PathIndex(rules)
    assert [r.target for r in index.candidates("/b")] == [1, 2]
    assert "/a" in index.first_exact and "/b" not in index.first_exact


def test_literal_paths_in_groups_do_not_stand_in_the_way_of_others() -> None:
    rules = [Rule(PathMatches(r"/(robots\.txt)"), 0), Rule(PathMatches("/"), 1), Rule(PathMatches("/(.*)"), 2)]
    index = PathIndex(rules)
    assert [r.target for r in index.candidates("/robots.txt")] == [0, 2]
    assert index.first_exact.keys() == {"/"}  # no groups are lost: /robots.txt is matched for real


def test_among_200_routes_few_are_tried() -> None:
    rules = [Rule(PathMatches(rf"/r{n}/([0-9]+)"), n) for n in range(100)] + [
        Rule(PathMatches(f"/exact{n}"), n) for n in range(100)
    ]
    index = PathIndex(rules)
    assert len(index.candidates("/r57/12")) == 1 and len(index.candidates("/exact99")) == 1
    assert not index.candidates("/nowhere/else")


def test_RX8_a_hostile_path_meets_only_the_patterns_of_its_segment() -> None:
    rules = [Rule(PathMatches(rf"/s{n}/(a|b)*c"), n) for n in range(500)]
    index = PathIndex(rules)
    began = time.process_time()
    for rule in index.candidates("/x/" + "a" * 30 + "!"):
        rule.matcher.regex.match("/x/" + "a" * 30 + "!")
    assert time.process_time() - began < 1


def test_first_segment_is_a_complete_one() -> None:
    assert first_segment("/story/x") == "/story/"
    assert first_segment("/sto") is None and first_segment("story/") is None
