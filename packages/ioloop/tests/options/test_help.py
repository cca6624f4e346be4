"""The text of --help."""

import io

from waterspout.options import OptionParser


def test_options_stand_in_groups_and_columns() -> None:
    parser = OptionParser()
    parser.define("port", default=80, help="where to listen", metavar="N", group="server")
    parser.define("a_flag", type=bool, group="server")
    parser.define("a_name_that_is_longer_than_its_column", help="word " * 20, group="server")
    file = io.StringIO()
    parser.print_help(file)
    program, rest = file.getvalue().split("\n", 1)
    assert program.startswith("Usage: ")
    assert program.endswith(" [OPTIONS]")
    assert rest == (
        "\n"
        "Options:\n"
        "\n"
        "  --help                           show this help information\n"
        "\n"
        "server options:\n"
        "\n"
        "  --a-flag                         \n"
        "  --a-name-that-is-longer-than-its-column\n"
        "                                   word word word word word word word word word\n"
        "                                   word word word word word word word word word\n"
        "                                   word word\n"
        "  --port=N                         where to listen (default 80)\n"
        "\n"
    )
