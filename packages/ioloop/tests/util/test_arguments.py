"""One argument of a call, found by its name."""

from typing import Any

from waterspout.util import ArgReplacer


def function(first: int, second: int, callback: Any = None, *, only: int = 0) -> None:
    """Something with all kinds of arguments."""


def test_an_omitted_argument_is_added_by_keyword() -> None:
    args, kwargs = (1, 2), {"only": 3}
    replacer = ArgReplacer(function, "callback")
    assert replacer.get_old_value(args, kwargs) is None
    assert replacer.get_old_value(args, kwargs, "default") == "default"
    assert replacer.replace("new", args, kwargs) == (None, (1, 2), {"only": 3, "callback": "new"})


def test_an_argument_by_position_is_replaced_there() -> None:
    replacer = ArgReplacer(function, "callback")
    assert replacer.arg_pos == 2
    assert replacer.get_old_value((1, 2, "old"), {}) == "old"
    old, args, kwargs = replacer.replace("new", (1, 2, "old"), {"only": 3})
    assert (old, list(args), kwargs) == ("old", [1, 2, "new"], {"only": 3})


def test_an_argument_by_keyword_is_replaced_there() -> None:
    replacer = ArgReplacer(function, "callback")
    assert replacer.get_old_value((1,), {"callback": "old"}) == "old"
    assert replacer.replace("new", (1,), {"callback": "old", "only": 3}) == (
        "old",
        (1,),
        {"callback": "new", "only": 3},
    )


def test_the_callers_arguments_are_not_changed_by_position() -> None:
    args = [1, 2, "old"]
    ArgReplacer(function, "callback").replace("new", args, {})
    assert args == [1, 2, "old"]


def test_keyword_only_and_unknown_names_have_no_position() -> None:
    assert ArgReplacer(function, "only").arg_pos is None
    assert ArgReplacer(function, "unknown").arg_pos is None
    assert ArgReplacer(function, "only").get_old_value((1,), {"only": 5}) == 5


def test_callable_objects_and_builtins_work() -> None:
    class Callable:
        def __call__(self, callback: Any) -> None: ...

    assert ArgReplacer(Callable(), "callback").arg_pos == 0
    assert ArgReplacer(len, "obj").arg_pos == 0
