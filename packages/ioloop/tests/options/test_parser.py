"""Options that any module may define, and their values."""

import copy
import datetime
import os
from typing import Any
from unittest import mock

import pytest

from waterspout import options as module
from waterspout.options import Error, OptionParser


@pytest.fixture
def parser() -> OptionParser:
    made = OptionParser()
    made.define("port", default=80, group="server")
    made.define("host_name", default="localhost", group="server")
    made.define("debug", type=bool, default=False)
    made.define("tags", multiple=True)
    made.define("ports", type=int, multiple=True)
    made.define("delay", default=datetime.timedelta(seconds=1))
    return made


def parse(parser: OptionParser, *arguments: str) -> list[str]:
    return parser.parse_command_line(["program", *arguments])


def test_options_have_their_defaults(parser: OptionParser) -> None:
    assert (parser.port, parser.host_name, parser.debug, parser.tags) == (80, "localhost", False, [])


def test_the_command_line_sets_options_by_their_types(parser: OptionParser) -> None:
    assert parse(parser, "--port=8080", "--host-name=example", "--debug", "--delay=2m", "-tags=a,b") == []
    assert (parser.port, parser.host_name, parser.debug, parser.tags) == (8080, "example", True, ["a", "b"])
    assert parser.delay == datetime.timedelta(minutes=2)


def test_flags_can_be_switched_off(parser: OptionParser) -> None:
    parse(parser, "--debug=false")
    assert parser.debug is False


def test_lists_of_integers_may_have_ranges(parser: OptionParser) -> None:
    parse(parser, "--ports=1,5:7,9")
    assert parser.ports == [1, 5, 6, 7, 9]


def test_arguments_that_follow_are_returned(parser: OptionParser) -> None:
    assert parse(parser, "--port=1", "run", "--port=2") == ["run", "--port=2"]
    assert parser.port == 1
    assert parse(parser, "--", "--port=3") == ["--port=3"]
    assert parser.port == 1
    assert parser.parse_command_line([]) == []


def test_the_programs_own_arguments_are_the_default(parser: OptionParser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["program", "--port=5", "rest"])
    assert parser.parse_command_line() == ["rest"]
    assert parser.port == 5


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--prot=1", "Unrecognized command line option: 'prot'; did you mean 'port'?"),
        ("--hostname=x", "did you mean 'host_name'?"),
        ("--zzz", r"Unrecognized command line option: 'zzz' \(--help"),
        ("--port", "Option 'port' requires a value"),
        ("--port=x", "Option 'port': invalid literal for int"),
        ("--ports=1:x", "Option 'ports': invalid literal"),
        ("--delay=soon", "Option 'delay': Unrecognized duration: 'soon'"),
    ],
)
def test_mistakes_are_named(parser: OptionParser, argument: str, message: str) -> None:
    with pytest.raises(Error, match=message.replace("?", r"\?")):
        parse(parser, argument)


def test_bad_values_are_value_errors_too(parser: OptionParser) -> None:
    with pytest.raises(ValueError):
        parse(parser, "--port=x")


def test_dashes_and_underscores_are_the_same(parser: OptionParser) -> None:
    parse(parser, "--host_name=a")
    assert parser["host-name"] == parser.host_name == "a"
    parser["host-name"] = "b"
    assert parser.host_name == "b"
    assert "host-name" in parser and "host_name" in parser
    assert "host_name" in list(parser), "names are given as they were defined"
    with pytest.raises(Error, match="already defined"):
        parser.define("host-name")


def test_unknown_names_are_attribute_errors_with_a_suggestion(parser: OptionParser) -> None:
    with pytest.raises(AttributeError, match=r"Unrecognized option 'prot'; did you mean 'port'\?"):
        parser.prot  # noqa: B018
    with pytest.raises(AttributeError, match="Unrecognized option 'prot'"):
        parser.prot = 1
    with pytest.raises(AttributeError):
        parser["prot"]
    assert not hasattr(parser, "nothing_like_it")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("port", "80", "Option 'port' is required to be a int"),
        ("ports", 80, "Option 'ports' is required to be a list of int"),
        ("ports", ["x"], "Option 'ports' is required to be a list of int"),
    ],
)
def test_values_must_be_of_the_type(parser: OptionParser, name: str, value: Any, message: str) -> None:
    with pytest.raises(Error, match=message):
        setattr(parser, name, value)


def test_none_fits_every_type(parser: OptionParser) -> None:
    parser.port = None
    parser.ports = [None, 1]
    assert (parser.port, parser.ports) == (None, [None, 1])


def test_types_follow_the_default() -> None:
    parser = OptionParser()
    parser.define("number", default=1.5)
    parser.define("names", default=["a"], multiple=True)
    parser.define("nothing")
    parse(parser, "--number=2", "--names=b,c", "--nothing=x")
    assert (parser.number, parser.names, parser.nothing) == (2.0, ["b", "c"], "x")


def test_anything_that_makes_a_value_of_text_is_a_type() -> None:
    class Level:
        def __init__(self, text: str) -> None:
            self.text = text

    parser = OptionParser()
    parser.define("level", type=Level)
    parse(parser, "--level=high")
    assert parser.level.text == "high"


def test_callbacks_get_each_new_value() -> None:
    seen: list[Any] = []
    parser = OptionParser()
    parser.define("x", type=int, callback=seen.append)
    parse(parser, "--x=1")
    parser.x = 2
    assert seen == [1, 2]


def test_parse_callbacks_run_after_the_last_source(parser: OptionParser) -> None:
    ran: list[int] = []
    parser.add_parse_callback(lambda: ran.append(parser.port))
    parser.parse_command_line(["program", "--port=1"], final=False)
    assert ran == []
    parser.parse_command_line(["program", "--port=2"])
    parser.run_parse_callbacks()
    assert ran == [2, 2]


def test_names_values_and_groups_can_be_listed(parser: OptionParser) -> None:
    assert parser.group_dict("server") == {"port": 80, "host_name": "localhost"}
    assert parser.groups() == {"", "server", __file__}
    assert parser.as_dict() == dict(parser.items()) == parser.group_dict("")
    assert set(parser) == {"help", "port", "host_name", "debug", "tags", "ports", "delay"}


def test_options_are_grouped_by_the_file_that_defines_them() -> None:
    module.define("waterspout_tests_group_of_file", default=1)
    assert module.options.group_dict(__file__) == {"waterspout_tests_group_of_file": 1}
    with pytest.raises(Error, match="already defined in .*test_parser"):
        module.define("waterspout-tests-group-of-file")


def test_values_can_be_mocked_and_are_put_back(parser: OptionParser) -> None:
    with mock.patch.object(parser.mockable(), "port", 1):
        assert parser.port == 1
        assert parser.mockable().port == 1
    assert parser.port == 80


def test_one_mockable_mocks_a_name_once(parser: OptionParser) -> None:
    mockable = parser.mockable()
    with mock.patch.object(mockable, "port", 1), pytest.raises(RuntimeError, match="mocked already"):
        mockable.port = 2
    assert parser.port == 80


def test_help_is_printed_and_ends_the_program(parser: OptionParser, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(parser, "--help")
    assert ended.value.code == 0
    printed = capsys.readouterr().err
    assert "--port" in printed and "server options:" in printed


def test_questions_of_protocols_are_not_taken_for_options(parser: OptionParser) -> None:
    assert not hasattr(parser, "__wrapped__")
    assert copy.copy(parser).port == 80


def test_the_programs_parser_has_the_logging_options() -> None:
    assert {"logging", "log_to_stderr", "log_file_prefix"} <= set(module.options)
    assert os.path.join("log", "_setup.py") in "".join(module.options.groups())


@pytest.mark.parametrize("name", module.__all__)
def test_the_window_has_what_it_promises(name: str) -> None:
    assert getattr(module, name) is not None
