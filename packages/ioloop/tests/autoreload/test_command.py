"""``python -m waterspout.autoreload``: a program is run again and again by a supervisor."""

import os
import signal

import pytest

COMMAND = ("-m", "waterspout.autoreload")


def test_program_is_run_as_main_with_its_arguments(editor):
    editor.write("neighbour.py", "value = 1\n")
    script = editor.write("program.py", "import sys, neighbour\nprint(__name__, sys.argv)\nprint('end')\n")
    program = editor.start(*COMMAND, script, "--until-success", "a b", "'$x'")
    out = editor.read_until(program, "end")
    assert out.startswith(f"__main__ {[str(script), '--until-success', 'a b', chr(39) + '$x' + chr(39)]}")


def test_module_is_run_as_main_with_its_arguments(editor):
    editor.write("pack/__init__.py", "")
    editor.write("pack/program.py", "import sys\nprint(__name__, __package__, sys.argv[1:])\nprint('end')\n")
    program = editor.start(*COMMAND, "-m", "pack.program", "x", "-y")
    assert editor.read_until(program, "end").startswith("__main__ pack ['x', '-y']")


@pytest.mark.parametrize("name", ["app", "app/__main__.py"])
def test_program_in_a_folder_imports_its_neighbours_and_from_the_current_folder(editor, name):
    editor.write("app/__main__.py", "import sys, other, beside\nprint(__name__, sys.argv)\nprint('end')\n")
    editor.write("app/other.py", "")
    editor.write("beside.py", "")
    program = editor.start(*COMMAND, name, "x")
    assert editor.read_until(program, "end").startswith(f"__main__ {[name, 'x']}\n")


def test_script_with_a_syntax_error_is_run_when_it_is_mended(editor):
    script = editor.write("program.py", "print('never'\n")
    program = editor.start(*COMMAND, "--until-success", script)
    first = editor.read_until(program, "waiting")
    assert "SyntaxError" in first
    editor.write("program.py", "print('mended')\n")
    editor.read_until(program, "mended")
    assert program.wait(30) == 0


def test_module_that_cannot_be_imported_is_watched_too(editor):
    editor.write("part.py", "def broken(:\n")
    script = editor.write("program.py", "import part\nprint('mended', part.x)\n")
    program = editor.start(*COMMAND, "--until-success", script)
    editor.read_until(program, "waiting")
    editor.write("part.py", "still broken (\n")
    assert "cannot be loaded" in editor.read_until(program, "cannot be loaded")
    editor.write("part.py", "x = no_such_name\n")
    assert "NameError" in editor.read_until(program, "waiting")
    editor.write("part.py", "x = 5\n")
    assert "mended 5" in editor.read_until(program, "mended")
    assert program.wait(30) == 0


def test_until_success_ends_with_the_first_run_that_does(editor):
    script = editor.write("program.py", "import sys\nprint('failing')\nsys.exit(3)\n")
    program = editor.start(*COMMAND, "--until-success", script)
    assert "exited with status 3" in editor.read_until(program, "waiting")
    editor.write("program.py", "print('succeeding')\n")
    editor.read_until(program, "succeeding")
    assert program.wait(30) == 0


def test_OT2_program_that_crashes_the_interpreter_is_run_again(editor):
    script = editor.write("program.py", "import os, signal\nprint('crashing', flush=True)\nos.kill(os.getpid(), 9)\n")
    program = editor.start(*COMMAND, "--until-success", script)
    assert "killed by signal 9" in editor.read_until(program, "waiting")
    editor.write("program.py", "print('mended')\n")
    editor.read_until(program, "mended")
    assert program.wait(30) == 0


def test_server_that_watches_itself_is_restarted_by_the_supervisor_in_a_new_process(editor):
    editor.write("part.py", "version = 1\n")
    script = editor.write(
        "server.py",
        """
        import asyncio, os, part, sys
        from waterspout import autoreload
        from waterspout.ioloop import IOLoop
        print("version", part.version, "parent", os.getppid(), "pid", os.getpid(), sys.argv[1:],
              "WATERSPOUT_AUTORELOAD_REPORT" in os.environ)
        async def main():
            autoreload.start(check_time=20)
            print("ready", flush=True)
            await asyncio.sleep(60)
        IOLoop.run(main)
        """,
    )
    program = editor.start(*COMMAND, script, "x y")
    first = editor.read_until(program, "ready")
    editor.write("part.py", "version = 22\n")
    second = editor.read_until(program, "ready")
    assert f"version 1 parent {program.pid} pid " in first
    assert f"version 22 parent {program.pid} pid " in second
    assert "['x y'] False" in second
    assert first.split("pid ")[1].split()[0] != second.split("pid ")[1].split()[0]


@pytest.mark.parametrize("status", [0, 5])
def test_program_that_leaves_by_os_exit_ends_the_supervisor(editor, status):
    script = editor.write("program.py", f"import os\nos._exit({status})\n")
    assert editor.start(*COMMAND, script).wait(30) == status


def test_restart_keeps_the_environment_that_the_program_has_set(editor):
    script = editor.write(
        "program.py",
        """
        import os
        from waterspout import autoreload
        print("round", os.environ.get("ROUND", "0"), flush=True)
        if os.environ.get("ROUND") != "2":
            os.environ["ROUND"] = str(int(os.environ.get("ROUND", "0")) + 1)
            autoreload._reload()
        """,
    )
    program = editor.start(*COMMAND, "--until-success", script)
    assert editor.read_until(program, "round 2") == "round 0\nround 1\nround 2\n"
    assert program.wait(30) == 0


@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 0), (signal.SIGINT, 0)])
def test_signal_ends_the_program_and_then_the_supervisor(editor, number, status):
    script = editor.write(
        "server.py",
        """
        import asyncio
        from waterspout.ioloop import IOLoop
        async def main():
            print("ready", flush=True)
            await asyncio.sleep(60)
        IOLoop.run(main)
        print("ended quietly", flush=True)
        """,
    )
    program = editor.start(*COMMAND, script)
    editor.read_until(program, "ready")
    program.send_signal(number)
    editor.read_until(program, "ended quietly")
    assert program.wait(30) == status


def test_signal_while_waiting_for_a_change_ends_the_supervisor(editor):
    script = editor.write("program.py", "import sys\nsys.exit(1)\n")
    program = editor.start(*COMMAND, script)
    editor.read_until(program, "waiting")
    program.send_signal(signal.SIGTERM)
    assert program.wait(30) == 128 + signal.SIGTERM
    assert "Traceback" not in program.stdout.read()


@pytest.mark.parametrize("arguments", [[], ["-m"], ["--until-success"], ["--no-such-option", "x.py"]])
def test_without_a_program_it_says_how_it_is_used(editor, arguments):
    program = editor.start(*COMMAND, *arguments)
    assert program.stdout.readline().startswith("usage: python -m waterspout.autoreload")
    assert program.wait(30) == 2


def test_help(editor):
    program = editor.start(*COMMAND, "--help")
    editor.read_until(program, "usage: ")
    assert program.wait(30) == 0


def test_report_folder_is_removed(editor, tmp_path):
    (tmp_path / "tmp").mkdir()
    script = editor.write("program.py", "print('end')\n")
    program = editor.start(*COMMAND, "--until-success", script, TMPDIR=str(tmp_path / "tmp"))
    assert program.wait(30) == 0
    assert os.listdir(tmp_path / "tmp") == []
