import time

import pytest

from waterspout.httputil import choose_by_quality, parse_quality_list


def test_elements_come_by_descending_weight_and_keep_their_order() -> None:
    assert parse_quality_list("fr;q=0.5, en-US, de ; q=0.8,, en;q=1.0, *;q=0") == [
        ("en-us", 1.0), ("en", 1.0), ("de", 0.8), ("fr", 0.5), ("*", 0.0)
    ]  # fmt: skip
    assert parse_quality_list("") == []


def test_other_parameters_stay_part_of_the_value() -> None:
    assert parse_quality_list("text/html;level=1;q=0.4, a/b;c=d") == [("a/b;c=d", 1.0), ("text/html;level=1", 0.4)]


@pytest.mark.parametrize("weight", ["1.5", "2", "-1", "0.1234", "x", "", "1e0", "nan", "0,5", "+1", "\u0661"])
def test_element_with_malformed_weight_is_left_out(weight: str) -> None:
    assert ("a", 1.0) not in parse_quality_list(f"a;q={weight}, b")
    assert ("b", 1.0) in parse_quality_list(f"a;q={weight}, b")


def test_RX9_adversarial_lists_are_bounded_and_linear() -> None:
    start = time.process_time()
    assert len(parse_quality_list("a;q=0.5," * 8000)) == 100
    for header in (";" * 60_000, "a;q=" + "0" * 60_000, "a" + " " * 60_000 + ";q=1", "," * 60_000, ";q=" * 20_000):
        parse_quality_list(header)
    assert time.process_time() - start < 1


def test_SF21_coding_with_weight_zero_is_never_chosen() -> None:
    assert choose_by_quality("gzip;q=0", ["gzip"]) is None
    assert choose_by_quality("gzip;q=0, *", ["gzip"]) is None
    assert choose_by_quality("*;q=0", ["br", "gzip"]) is None
    assert choose_by_quality("*;q=0, gzip", ["br", "gzip"]) == "gzip"
    assert choose_by_quality("br", ["gzip"]) is None
    assert choose_by_quality("", ["gzip"]) is None
    assert choose_by_quality("gzip, gzip;q=0", ["gzip"]) is None


def test_most_wanted_offer_is_chosen_and_the_earlier_of_equals() -> None:
    assert choose_by_quality("gzip, br", ["br", "gzip"]) == "br"
    assert choose_by_quality("gzip, br;q=0.9", ["br", "gzip"]) == "gzip"
    assert choose_by_quality("*", ["br", "gzip"]) == "br"
    assert choose_by_quality("GZIP;Q=1", ["gzip"]) == "gzip"
