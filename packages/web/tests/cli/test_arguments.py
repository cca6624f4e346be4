"""Options and operands."""

from __future__ import annotations

import pytest

from waterspout.cli._arguments import Option, UsageError, did_you_mean, parse

OPTIONS = (
    Option("port", "PORT", "a port", int),
    Option("reload", None, "a switch"),
    Option("hidden", None, ""),
    Option("proxy", "ADDRESS", "several", repeats=True),
)


@pytest.mark.parametrize(
    ("arguments", "operands", "options"),
    [
        ([], [], {}),
        (["app.py"], ["app.py"], {}),
        (["app.py", "--port", "80"], ["app.py"], {"port": 80}),
        (["--port=80", "app.py", "--reload"], ["app.py"], {"port": 80, "reload": True}),
        (["--reload", "--", "--port", "x"], ["--port", "x"], {"reload": True}),
        (["-"], ["-"], {}),
        (["--port", "-1"], [], {"port": -1}),
        (["--hidden"], [], {"hidden": True}),
        (["--proxy=a"], [], {"proxy": ["a"]}),
        (["--proxy", "b", "app.py", "--proxy=a"], ["app.py"], {"proxy": ["b", "a"]}),
    ],
)
def test_operands_and_options_in_any_order(arguments: list[str], operands: list[str], options: object) -> None:
    parsed = parse(arguments, OPTIONS)
    assert (parsed.operands, parsed.options) == (operands, options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prot", "80"], r"no option --prot: did you mean --port\?"),
        (["--prot=80"], r"no option --prot: did you mean --port\?"),
        (["-port", "80"], r"no option -port: did you mean --port\?"),
        (["--zzz"], "no option --zzz$"),
        (["--hiden"], "no option --hiden$"),
        (["--port"], "--port needs a value: --port PORT"),
        (["--port", "--reload"], "--port needs a value"),
        (["--port", "eighty"], "--port needs a number, not 'eighty'"),
        (["--port=1", "--port=2"], "--port is given twice"),
        (["--reload=yes"], "--reload takes no value"),
        (["--proxy=a", "--proxy"], "--proxy needs a value: --proxy ADDRESS"),
    ],
)
def test_mistakes_are_named_and_the_option_that_was_meant(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(arguments, OPTIONS)


def test_nothing_is_suggested_where_nothing_is_close() -> None:
    assert did_you_mean("rnu", ["run", "dev"]) == ": did you mean run?"
    assert did_you_mean("zzz", ["run", "dev"]) == ""
