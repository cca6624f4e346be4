"""Options that modules define where they use them, set from the command line, files or the environment.

    from waterspout.options import define, options, parse_command_line

    define("port", default=8080, help="port to listen on")

    if __name__ == "__main__":
        parse_command_line()
        app.listen(options.port)

Modules that define options must have been imported when they are parsed. Parsing switches formatted
logging on, unless with ``--logging=none`` or after ``options.logging = None``; several sources are
parsed in turn with ``final=False`` for all but the last.

For files, TOML and environment variables are the safe choice; a Python file is run.
"""

from waterspout.options._errors import Error
from waterspout.options._global import (
    add_parse_callback,
    define,
    options,
    parse_command_line,
    parse_config_file,
    parse_environment,
    parse_toml_file,
    print_help,
)
from waterspout.options._parser import OptionParser

__all__ = [
    "Error",
    "OptionParser",
    "add_parse_callback",
    "define",
    "options",
    "parse_command_line",
    "parse_config_file",
    "parse_environment",
    "parse_toml_file",
    "print_help",
]
