"""The process-wide switch."""

import pytest

from waterspout.util import is_tornado_compat, set_compat_default


def test_explicit_settings_do_not_ask_the_default(strict: None) -> None:
    assert is_tornado_compat("tornado") is True
    assert is_tornado_compat("waterspout") is False


def test_none_follows_the_process_default(strict: None) -> None:
    assert is_tornado_compat(None) is False
    set_compat_default("tornado")
    assert is_tornado_compat(None) is True
    assert is_tornado_compat() is True
    set_compat_default("waterspout")
    assert is_tornado_compat(None) is False


@pytest.mark.parametrize("setting", ["Tornado", "", "torando", 1, True, ["tornado"]])
def test_anything_else_is_refused_by_name(setting: object) -> None:
    with pytest.raises(ValueError, match="compat must be"):
        is_tornado_compat(setting)  # type: ignore[arg-type]


def test_a_refused_default_changes_nothing(strict: None) -> None:
    with pytest.raises(ValueError, match="'tornato'"):
        set_compat_default("tornato")  # type: ignore[arg-type]
    assert is_tornado_compat() is False
