"""`ExpectLog`."""

import logging
import warnings

import pytest

from waterspout.asynctest import ExpectLog

LOGGER = logging.getLogger("waterspout.tests.expect_log")


@pytest.fixture(autouse=True)
def level():
    LOGGER.setLevel(logging.WARNING)
    yield
    LOGGER.setLevel(logging.NOTSET)
    assert LOGGER.filters == []


def test_expected_message_is_swallowed_and_others_are_not(caplog):
    with ExpectLog(LOGGER, "expected .*") as expected:
        LOGGER.error("expected %s", "message")
        LOGGER.error("another")
    assert expected.matched
    assert [record.getMessage() for record in caplog.records] == ["another"]


def test_message_that_does_not_come_fails_the_block():
    with pytest.raises(AssertionError, match=r"did not get expected log message: 'expected' on 'waterspout"):
        with ExpectLog(LOGGER, "expected"):
            LOGGER.error("another that is not expected")


def test_message_that_may_also_not_come():
    with ExpectLog(LOGGER, "expected", required=False) as expected:
        LOGGER.error("another")
    assert not expected.matched


def test_failure_inside_the_block_is_not_replaced():
    with pytest.raises(ZeroDivisionError):
        with ExpectLog(LOGGER, "expected"):
            raise ZeroDivisionError


def test_logger_by_name_and_pattern_as_bytes():
    with ExpectLog(LOGGER.name, b"exp") as expected:
        LOGGER.error("expected")
    assert expected.logger is LOGGER
    with ExpectLog("", "root's own") as expected:
        logging.getLogger().error("root's own")
    assert expected.matched


@pytest.mark.parametrize("with_stack", [False, True])
def test_traceback_is_noticed(with_stack):
    with ExpectLog(LOGGER, "expected") as expected:
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            LOGGER.error("expected", exc_info=with_stack)
    assert expected.logged_stack is with_stack


def test_level_must_match_exactly(caplog):
    with ExpectLog(LOGGER, "expected", level=logging.ERROR, required=False) as expected:
        LOGGER.warning("expected")
        assert not expected.matched
        LOGGER.error("expected")
    assert expected.matched
    assert len(caplog.records) == 1


def test_level_is_let_through_during_the_block_only():
    with ExpectLog(LOGGER, "expected", level=logging.DEBUG) as expected:
        assert expected.orig_level == logging.WARNING
        LOGGER.debug("expected")
    assert LOGGER.level == logging.WARNING


def test_level_that_comes_through_anyway_is_not_touched():
    with ExpectLog(LOGGER, "expected", level=logging.ERROR) as expected:
        assert expected.orig_level is None
        LOGGER.error("expected")


def test_info_without_a_level_is_deprecated():
    LOGGER.setLevel(logging.INFO)
    with pytest.warns(DeprecationWarning, match="matched at INFO or below without level"):
        with ExpectLog(LOGGER, "expected") as expected:
            LOGGER.info("expected")
    assert expected.deprecated_level_matched == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with ExpectLog(LOGGER, "expected", level=logging.INFO):
            LOGGER.info("expected")
