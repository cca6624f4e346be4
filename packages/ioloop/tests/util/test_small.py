"""What is too small for a file of its own."""

import asyncio
import builtins
import datetime
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout import util


def test_objectdict_is_attributes_and_items() -> None:
    d = util.ObjectDict(a=1)
    d.b = 2
    assert (d.a, d["b"], dict(d)) == (1, 2, {"a": 1, "b": 2})
    assert callable(d.items)
    with pytest.raises(AttributeError, match="missing"):
        d.missing  # noqa: B018
    assert getattr(d, "missing", None) is None


def test_errno_comes_from_the_attribute_or_the_first_argument() -> None:
    assert util.errno_from_exception(OSError(5, "io")) == 5
    assert util.errno_from_exception(OSError()) is None
    assert util.errno_from_exception(Exception(7)) == 7
    assert util.errno_from_exception(Exception()) is None


def test_raise_exc_info_raises_with_the_traceback() -> None:
    try:
        raise KeyError("lost")
    except KeyError:
        exc_info = sys.exc_info()
    with pytest.raises(KeyError) as caught:
        util.raise_exc_info(exc_info)
    assert caught.value is exc_info[1]
    assert exc_info[2] in _tracebacks(caught.value)


def test_raise_exc_info_needs_an_exception() -> None:
    with pytest.raises(TypeError, match="no exception"):
        util.raise_exc_info((None, None, None))


@given(st.text())
def test_re_unescape_is_the_inverse_of_escape(text: str) -> None:
    assert util.re_unescape(re.escape(text)) == text


@pytest.mark.parametrize("pattern", [r"\d", r"a\Z", r"\1", r"\n", r"x\b"])
def test_re_unescape_refuses_what_escape_cannot_make(pattern: str) -> None:
    with pytest.raises(ValueError, match="cannot unescape"):
        util.re_unescape(pattern)


def test_timedelta_to_seconds() -> None:
    assert util.timedelta_to_seconds(datetime.timedelta(hours=1, microseconds=500_000)) == 3600.5


def test_names_of_old() -> None:
    assert util.TimeoutError is builtins.TimeoutError is asyncio.TimeoutError
    assert (util.bytes_type, util.unicode_type, util.basestring_type) == (bytes, str, str)


@pytest.mark.parametrize("name", util.__all__)
def test_the_window_has_what_it_promises(name: str) -> None:
    thing = getattr(util, name)
    if isinstance(thing, type) and thing.__module__ != "builtins":
        assert thing.__module__ == "waterspout.util"


def _tracebacks(error: BaseException) -> list[object]:
    found = []
    traceback = error.__traceback__
    while traceback is not None:
        found.append(traceback)
        traceback = traceback.tb_next
    return found
