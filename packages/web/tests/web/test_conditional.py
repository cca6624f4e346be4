"""Conditional and range requests."""

import datetime
import time

import pytest

from waterspout.httputil import HTTPHeaders
from waterspout.web._conditional import Answer, evaluate

MODIFIED = datetime.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=datetime.UTC)
DATE = "Fri, 02 Jan 2026 03:04:05 GMT"
EARLIER = "Fri, 02 Jan 2026 03:04:04 GMT"
LATER = "Fri, 02 Jan 2026 03:04:06 GMT"


def answer(
    method: str = "GET", etag: str | None = '"v"', modified: datetime.datetime | None = MODIFIED, **headers: str
) -> Answer:
    fields = HTTPHeaders({name.replace("_", "-"): value for name, value in headers.items()})
    return evaluate(fields, etag=etag, modified=modified, size=100, method=method)


def test_a_plain_request_gets_all() -> None:
    assert answer() == Answer(200)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_None_Match": '"v"'}, 304),
        ({"If_None_Match": 'W/"v"'}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"x"'}, 200),
        ({"If_Modified_Since": DATE}, 304),
        ({"If_Modified_Since": LATER}, 304),
        ({"If_Modified_Since": EARLIER}, 200),
        ({"If_None_Match": '"x"', "If_Modified_Since": LATER}, 200),
        ({"If_None_Match": '"v"', "If_Modified_Since": EARLIER}, 304),
        ({"If_Match": '"v"'}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": '"x"'}, 412),
        ({"If_Match": 'W/"v"'}, 412),
        ({"If_Unmodified_Since": DATE}, 200),
        ({"If_Unmodified_Since": EARLIER}, 412),
        ({"If_Match": '"v"', "If_Unmodified_Since": EARLIER}, 200),
        ({"If_Match": '"x"', "If_None_Match": '"v"'}, 412),
    ],
)
def test_the_preconditions_are_evaluated_in_their_order(headers: dict[str, str], status: int) -> None:
    assert answer(**headers).status == status
    assert answer("HEAD", **headers).status == status


def test_a_condition_that_would_be_304_is_412_for_a_method_that_changes() -> None:
    assert answer("PUT", If_None_Match="*").status == 412
    assert answer("PUT", If_None_Match='"x"').status == 200


def test_without_a_tag_and_date_only_the_date_and_star_can_fail() -> None:
    assert answer(etag=None, If_None_Match='"v"').status == 200
    assert answer(etag=None, If_Match='"v"').status == 412
    assert answer(modified=None, If_Modified_Since=LATER).status == 200
    assert answer(modified=None, If_Unmodified_Since=EARLIER).status == 200


def test_a_naive_date_is_utc() -> None:
    assert answer(modified=MODIFIED.replace(tzinfo=None), If_Modified_Since=DATE).status == 304


@pytest.mark.parametrize(
    "date", ["Thu, 99 Foo 2099 00:00:00 GMT", "tomorrow", "", "0", "Fri, 02 Jan 2026 03:04:06 +0000"]
)
def test_SF20_a_malformed_date_is_ignored(date: str) -> None:
    assert answer(If_Modified_Since=date).status == 200
    assert answer(If_Unmodified_Since=date).status == 200


@pytest.mark.parametrize(
    ("value", "ranges"),
    [("bytes=0-9", ((0, 10),)), ("bytes=90-", ((90, 100),)), ("bytes=-5", ((95, 100),)), ("bytes=0-500", ((0, 100),))],
)
def test_a_range_gets_a_part(value: str, ranges: tuple[tuple[int, int], ...]) -> None:
    assert answer(Range=value) == Answer(206, ranges)


def test_SF15_two_ranges_get_two_parts() -> None:
    assert answer(Range="bytes=0-1,5-6") == Answer(206, ((0, 2), (5, 7)))


def test_SF14_many_ranges_get_all_in_linear_time() -> None:
    began = time.process_time()
    assert answer(Range="bytes=" + "0-0," * 2000) == Answer(200)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("value", ["bytes=+0-5", "bytes=0_1-5", "bytes=-", "bytes=5-1", "items=0-1", "bytes", ""])
def test_SF16_a_malformed_range_is_ignored(value: str) -> None:
    assert answer(Range=value) == Answer(200)


@pytest.mark.parametrize("condition", ['"zzz"', 'W/"v"', EARLIER, LATER, "junk", ""])
def test_SF17_a_range_of_another_version_gets_all_of_this_one(condition: str) -> None:
    assert answer(Range="bytes=0-5", If_Range=condition) == Answer(200)


def test_SF17_a_weak_tag_of_ours_never_allows_a_part() -> None:
    assert answer(etag='W/"v"', Range="bytes=0-5", If_Range='W/"v"') == Answer(200)


@pytest.mark.parametrize("condition", ['"v"', DATE])
def test_SF17_a_range_of_this_version_gets_its_part(condition: str) -> None:
    assert answer(Range="bytes=0-5", If_Range=condition) == Answer(206, ((0, 6),))


@pytest.mark.parametrize(
    "value", ["bytes=100-", "bytes=99999999999999999999999-", "bytes=" + "9" * 5000 + "-", "bytes=200-300,400-500"]
)
def test_SF18_a_range_beyond_the_end_is_416(value: str) -> None:
    assert answer(Range=value) == Answer(416)


def test_a_range_is_for_get_alone_and_a_304_goes_before_it() -> None:
    assert answer("HEAD", Range="bytes=0-1") == Answer(200)
    assert answer(Range="bytes=0-1", If_None_Match='"v"') == Answer(304)


def test_SF16_the_compat_mode_answers_as_tornado_does() -> None:
    fields = {"Range": "bytes=5-1"}

    def status(value: str, method: str = "GET") -> Answer:
        return evaluate({"Range": value}, etag='"v"', modified=MODIFIED, size=100, method=method, compat="tornado")

    assert status("bytes=5-1") == status("bytes=100") == Answer(416)
    assert status("bytes=5") == Answer(206, ((5, 100),))
    assert status("bytes=0-1", "HEAD") == Answer(206, ((0, 2),))
    assert status("bytes=x") == status("items=5") == Answer(200)
    assert evaluate(fields, etag=None, modified=None, size=100, compat="waterspout") == Answer(200)
