"""Versioned URLs."""

import pytest

from waterspout.web._urls import VersionCache, encode_segment, is_absolute, versioned_url


def test_a_version_is_computed_once_until_reset() -> None:
    calls: list[str] = []

    def compute(path: str) -> str | None:
        calls.append(path)
        return None if path == "missing" else path.upper()

    cache = VersionCache()
    assert [
        cache.get("a", compute),
        cache.get("a", compute),
        cache.get("missing", compute),
        cache.get("missing", compute),
    ] == [
        "A",
        "A",
        None,
        None,
    ]
    assert calls == ["a", "missing"]
    cache.reset()
    cache.get("a", compute)
    assert calls == ["a", "missing", "a"]


def test_the_cache_is_bounded_and_drops_the_longest_unused() -> None:
    cache, calls = VersionCache(3), []

    def compute(path: str) -> str:
        calls.append(path)
        return path

    for path in "abcabdab":
        cache.get(path, compute)
    assert len(cache) == 3
    assert calls == ["a", "b", "c", "d"]


def test_what_compute_raises_passes_through_and_is_not_remembered() -> None:
    cache = VersionCache()
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda path: str(1 / 0))
    assert cache.get("a", str.upper) == "A"


def test_a_version_is_added_to_the_url_where_there_is_one() -> None:
    assert versioned_url("/static/", "a.js", "123") == "/static/a.js?v=123"
    assert versioned_url("/static/", "a.js", None) == "/static/a.js"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("//evil", "%2F%2Fevil"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("%2f", "%252f"),
        ("?", "%3F"),
        ("a#b", "a%23b"),
        ("é", "%C3%A9"),
        ("a.b", "a.b"),
        ("\\", "%5C"),
    ],
)
def test_RD9_a_value_stays_inside_one_segment(value: str, expected: str) -> None:
    assert encode_segment(value) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/x", True), ("//x", True), ("http://x", True), ("https:x", True), ("ftp://x", False), ("x", False), ("", False)],
)
def test_absolute_paths_need_no_prefix(path: str, expected: bool) -> None:
    assert is_absolute(path) is expected


def test_the_version_of_a_file_that_changed_is_made_anew() -> None:
    cache = VersionCache()
    made: list[str] = []

    def compute(path: str) -> str:
        made.append(path)
        return str(len(made))

    cache.check("a", (1, 2))
    assert cache.get("a", compute) == "1"
    cache.check("a", (1, 2))
    assert cache.get("a", compute) == "1"
    cache.check("a", (1, 3))
    assert cache.get("a", compute) == "2" and cache.get("b", compute) == "3"


def test_no_more_marks_than_versions_are_kept() -> None:
    cache = VersionCache(limit=3)
    for number in range(10):
        cache.check(str(number), number)
    assert len(cache._marks) == 3
    cache.reset()
    assert not cache._marks


def test_a_version_that_was_made_before_the_first_check_is_forgotten_when_its_file_changes() -> None:
    cache = VersionCache()
    for mark in (1, 2):  # the second time its version is there, and may be of the file as it was
        cache.note("a", mark)
        assert cache.get("a", lambda path: "old") == "old"
    cache.check("a", 2)
    assert cache.get("a", lambda path: "new") == "new"
    cache.note("b", 1)
    cache.get("b", lambda path: "same")
    cache.check("b", 1)
    assert cache.get("b", lambda path: "another") == "same"


def test_a_version_is_forgotten_with_its_mark_and_marks_in_use_stay() -> None:
    cache = VersionCache(limit=2)
    for path in "abac":  # b is asked for longest ago when c comes
        cache.check(path, 1)
        cache.get(path, str.upper)
    assert list(cache._marks) == ["a", "c"] and cache.get("b", lambda path: "made anew") == "made anew"
    cache.check("d", 1, limit=5)
    assert list(cache._marks) == ["a", "c", "d"]
