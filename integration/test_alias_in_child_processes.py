"""A process that runs Tornado's alias hands it on to the Python processes it starts, by the .pth file of the wheel."""

import os
import subprocess
import sys

NAMES = "import tornado.ioloop; print(tornado.ioloop.IOLoop.__module__)"


def run(code, **environment):
    inherited = {name: value for name, value in os.environ.items() if name != "WATERSPOUT_TORNADO"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=inherited | environment, capture_output=True, text=True, timeout=60)


def test_a_child_of_a_process_with_the_alias_has_it_too():
    parent = run(
        "import subprocess, sys, waterspout.tornado as alias; alias.install();"
        f"print(subprocess.run([sys.executable, '-c', {NAMES!r}], capture_output=True, text=True, check=True).stdout)"
    )
    assert parent.stdout.strip() == "waterspout.ioloop", parent.stderr


def test_without_the_variable_no_interpreter_loads_waterspout():
    started = run("import sys; print([name for name in sys.modules if name.startswith(('waterspout.', 'tornado'))])")
    assert started.stdout.strip() == "[]"
    assert started.stderr == ""


def test_with_the_variable_a_fresh_interpreter_starts_with_the_alias():
    assert run(NAMES, WATERSPOUT_TORNADO="1").stdout.strip() == "waterspout.ioloop"
