"""``python -m waterspout.tornado``."""

import signal
import subprocess
import sys
import time

import pytest


def test_runs_a_script_as_main_with_its_arguments(programs):
    script = programs.write(
        "sub/app.py",
        """
        import sys, os
        import tornado.ioloop
        import neighbour
        print(__name__, sys.argv[1:], os.path.basename(sys.argv[0]), neighbour.value, tornado.ioloop.__name__)
        """,
    )
    programs.write("sub/neighbour.py", "value = 'beside the script'\n")
    out = programs.output("-m", "waterspout.tornado", script, "--port=1", "-m", "x")
    assert out == "__main__ ['--port=1', '-m', 'x'] app.py beside the script waterspout.ioloop\n"


def test_runs_a_module_as_main_with_its_arguments(programs):
    programs.write("pack/__init__.py", "")
    programs.write(
        "pack/app.py",
        """
        import sys
        from . import other
        import tornado.gen
        print(__name__, __package__, sys.argv[1:], tornado.gen.__name__)
        """,
    )
    programs.write("pack/other.py", "")
    out = programs.output("-m", "waterspout.tornado", "-m", "pack.app", "a", "-b")
    assert out == "__main__ pack ['a', '-b'] waterspout.gen\n"


def test_runs_a_folder_as_main_as_python_does(programs):
    code = "import importlib.util, sys, other; print(__name__, sys.argv, importlib.util.find_spec('app'))\n"
    programs.write("app/__main__.py", code)
    programs.write("app/other.py", "")
    assert programs.output("-m", "waterspout.tornado", "app", "x") == "__main__ ['app', 'x'] None\n"


def test_exit_status_and_traceback_are_the_programs(programs):
    script = programs.write("app.py", "import sys; sys.exit(7)\n")
    assert programs.run("-m", "waterspout.tornado", script).returncode == 7
    script = programs.write("bad.py", "1 / 0\n")
    result = programs.run("-m", "waterspout.tornado", script)
    assert result.returncode == 1
    assert "ZeroDivisionError" in result.stderr
    assert f'File "{script}", line 1' in result.stderr


@pytest.mark.parametrize("arguments", [[], ["-m"], ["--no-such-option"], ["-x", "app.py"]])
def test_without_a_program_it_says_how_it_is_used(programs, arguments):
    result = programs.run("-m", "waterspout.tornado", *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: python -m waterspout.tornado")
    assert result.stdout == ""


def test_help(programs):
    assert programs.output("-m", "waterspout.tornado", "--help").startswith("usage: ")


def test_classic_tornado_program_runs_unchanged(programs):
    script = programs.write(
        "app.py",
        """
        import tornado.ioloop
        from tornado import gen

        @gen.coroutine
        def main():
            yield gen.sleep(0.001)
            raise gen.Return("done")

        loop = tornado.ioloop.IOLoop.current()
        print(loop.run_sync(main))
        loop.add_callback(loop.stop)
        loop.start()
        """,
    )
    assert programs.output("-W", "error", "-m", "waterspout.tornado", script) == "done\n"


def test_objects_of_the_main_module_can_be_sent_to_forked_workers(programs):
    script = programs.write(
        "app.py",
        """
        import multiprocessing, tornado.ioloop

        def double(x):
            return 2 * x

        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(1) as pool:
                print(pool.apply(double, (21,)))
        """,
    )
    assert programs.output("-m", "waterspout.tornado", script) == "42\n"


def test_interrupt_ends_the_program(programs):
    script = programs.write("app.py", "import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    program = subprocess.Popen(
        [sys.executable, "-m", "waterspout.tornado", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert program.stdout.readline() == "ready\n"
    began = time.monotonic()
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=20)
    assert time.monotonic() - began < 10
    assert "KeyboardInterrupt" in err
