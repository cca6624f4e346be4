"""Configuration files and the environment (row OT1 of the bad input list)."""

import datetime
from pathlib import Path

import pytest

from waterspout.options import Error, OptionParser


@pytest.fixture
def parser() -> OptionParser:
    made = OptionParser()
    made.define("port", default=80)
    made.define("host-name", default="localhost")
    made.define("ports", type=int, multiple=True)
    made.define("start", type=datetime.datetime)
    made.define("verbose", type=bool)
    return made


@pytest.fixture
def python_file(tmp_path: Path) -> Path:
    return tmp_path / "server.conf"


@pytest.fixture
def toml_file(tmp_path: Path) -> Path:
    return tmp_path / "server.toml"


def test_a_python_file_is_run_and_its_variables_are_values(parser: OptionParser, python_file: Path) -> None:
    python_file.write_text(
        "import os\n"
        "port = 40 + 2\n"
        "host_name = os.path.basename(__file__) + ' h\xe9'\n"
        "ports = '1:3'\n"
        "start = '2011-10-12'\n"
        "other = 'left alone'\n",
        "utf-8",
    )
    parser.parse_config_file(str(python_file))
    assert (parser.port, parser.host_name, parser.ports) == (42, "server.conf h\xe9", [1, 2, 3])
    assert parser.start == datetime.datetime(2011, 10, 12)


def test_lists_may_be_lists_or_text(parser: OptionParser, python_file: Path) -> None:
    python_file.write_text("ports = [1, 2]")
    parser.parse_config_file(str(python_file))
    assert parser.ports == [1, 2]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\n\nport = [5]", "line 3: Option 'port' is required to be a int"),
        ("port = 1\nport = 'x'", "line 2: Option 'port': invalid literal"),
        ("ports = 5", "line 1: Option 'ports' is required to be a list of int or a comma-separated string"),
        ("from math import pi as port", "server.conf: Option 'port' is required to be a int"),
    ],
)
def test_OT1_a_value_that_does_not_fit_names_file_and_line(
    parser: OptionParser, python_file: Path, source: str, message: str
) -> None:
    python_file.write_text(source)
    with pytest.raises(Error, match=message) as caught:
        parser.parse_config_file(str(python_file))
    assert str(python_file) in str(caught.value)


def test_OT1_an_error_in_a_python_file_names_file_and_line(parser: OptionParser, python_file: Path) -> None:
    python_file.write_text("port = 1\nhost = (\n")
    with pytest.raises(SyntaxError) as wrong:
        parser.parse_config_file(str(python_file))
    assert (wrong.value.filename, wrong.value.lineno) == (str(python_file), 2)
    python_file.write_text("port = 1\nhost = 1 / 0\n")
    with pytest.raises(ZeroDivisionError) as raised:
        parser.parse_config_file(str(python_file))
    place = raised.traceback[-1]
    assert (str(place.path), place.lineno + 1) == (str(python_file), 2)


def test_a_missing_file_is_an_os_error(parser: OptionParser, tmp_path: Path) -> None:
    for name in ("missing.conf", "missing.toml"):
        with pytest.raises(FileNotFoundError):
            parser.parse_config_file(str(tmp_path / name))


def test_OT1_a_toml_file_is_read_and_not_run(parser: OptionParser, toml_file: Path) -> None:
    toml_file.write_text(
        'port = 42\nhost-name = "h\xe9"\nports = [1, 2]\nstart = 2011-10-12T15:00:00\nverbose = true\n', "utf-8"
    )
    ran = []
    parser.add_parse_callback(lambda: ran.append(True))
    parser.parse_config_file(str(toml_file), final=False)
    assert ran == []
    parser.parse_toml_file(str(toml_file))
    assert ran == [True]
    assert (parser.port, parser.host_name, parser.ports, parser.verbose) == (42, "h\xe9", [1, 2], True)
    assert parser.start == datetime.datetime(2011, 10, 12, 15)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("verbose = true\nprot = 1", r"line 2: Unrecognized option 'prot'; did you mean 'port'\?"),
        ("# port\nport = [1]", "line 2: Option 'port' is required to be a int"),
        ('\nport = "x"', "line 2: Option 'port': invalid literal"),
        ("[server]\nport = 1", "line 1: Unrecognized option 'server'"),
        ("port = __import__('os')", "line 1"),
        ("port = 1\nport = 2\nverbose = true\n", "line 2"),
    ],
)
def test_OT1_mistakes_in_a_toml_file_name_file_and_line(
    parser: OptionParser, toml_file: Path, source: str, message: str
) -> None:
    toml_file.write_text(source)
    with pytest.raises(Error, match=message) as caught:
        parser.parse_config_file(str(toml_file))
    assert str(caught.value).startswith(str(toml_file))


def test_an_unknown_name_in_a_toml_file_sets_nothing(parser: OptionParser, toml_file: Path) -> None:
    toml_file.write_text("port = 1\nunknown = 2")
    with pytest.raises(Error):
        parser.parse_config_file(str(toml_file))
    assert parser.port == 80


def test_environment_variables_set_options(parser: OptionParser) -> None:
    ran = []
    parser.add_parse_callback(lambda: ran.append(True))
    environment = {"APP_PORT": "42", "APP_HOST_NAME": "h", "APP_PORTS": "1,2", "PORT": "1", "APP_OTHER": "x"}
    parser.parse_environment("APP_", environment=environment)
    assert (parser.port, parser.host_name, parser.ports, ran) == (42, "h", [1, 2], [True])


def test_the_process_has_the_environment_by_default(parser: OptionParser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_VERBOSE", "yes")
    monkeypatch.setenv("APP_HELP", "1")
    parser.parse_environment("APP_", final=False)
    assert parser.verbose is True


def test_OT1_a_bad_variable_is_named(parser: OptionParser) -> None:
    with pytest.raises(Error, match="environment variable APP_PORT: Option 'port': invalid literal"):
        parser.parse_environment("APP_", environment={"APP_PORT": "x"})


def test_later_sources_override_earlier_ones(parser: OptionParser, toml_file: Path) -> None:
    toml_file.write_text('port = 1\nhost_name = "file"')
    parser.parse_config_file(str(toml_file), final=False)
    parser.parse_environment("APP_", final=False, environment={"APP_PORT": "2", "APP_HOST_NAME": "environment"})
    parser.parse_command_line(["program", "--port=3"])
    assert (parser.port, parser.host_name) == (3, "environment")
