"""``python -m waterspout.tornado``."""

import py_compile
import signal
import subprocess
import sys
import time
import zipapp

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


@pytest.mark.parametrize("arguments", [[], ["-m"], ["-c"], ["--no-such-option"], ["-x", "app.py"]])
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


#: A program's view of itself, which does not depend on who started it.
VIEW = """
import sys
spec = __spec__ and __spec__.name
print(__name__, __package__, globals().get("__file__"), spec, sys.argv, sys.path[0], type(__loader__).__name__)
assert sys.modules["__main__"].__dict__ is globals()
"""


@pytest.mark.parametrize("options", [[], ["-P"]], ids=["plain", "safe path"])
@pytest.mark.parametrize(
    "arguments",
    [["sub/app.py"], ["app.pyz"], ["folder"], ["-m", "pack.tool"], ["-m", "pack"], ["compiled.pyc"]],
    ids=["file", "archive", "folder", "module", "package", "byte code"],
)
def test_a_program_sees_of_itself_what_it_sees_under_python(programs, options, arguments):
    for name in ("sub/app.py", "folder/__main__.py", "pack/tool.py", "pack/__main__.py"):
        programs.write(name, VIEW)
    programs.write("pack/__init__.py", "import sys; print(sys.argv)")
    zipapp.create_archive(programs.folder / "folder", programs.folder / "app.pyz")
    py_compile.compile(str(programs.folder / "sub/app.py"), cfile=str(programs.folder / "compiled.pyc"), doraise=True)
    expected = programs.run(*options, *arguments, "a", "-b")
    aliased = programs.run(*options, "-m", "waterspout.tornado", *arguments, "a", "-b")
    assert (aliased.stdout, aliased.returncode) == (expected.stdout, expected.returncode)
    # With a safe path there is no module in this folder.
    found = "-P" not in options or "-m" not in arguments
    assert ("__main__" in expected.stdout) is found


def test_code_on_the_command_line_runs_as_under_python(programs):
    programs.write("neighbour.py", "")
    code = "import sys, neighbour; print(__name__, sys.argv, repr(sys.path[0]), '__file__' in globals())"
    expected = programs.output("-c", code, "a", "-b")
    assert programs.output("-m", "waterspout.tornado", "-c", code, "a", "-b") == expected
    code = "import tornado.ioloop as module; print(module.__name__)"
    assert programs.output("-m", "waterspout.tornado", "-c", code) == "waterspout.ioloop\n"


def test_code_on_the_command_line_inherits_no_future_of_ours(programs):
    code = "def f(x: int): pass\nprint(f.__annotations__)"
    assert programs.output("-m", "waterspout.tornado", "-c", code) == "{'x': <class 'int'>}\n"


@pytest.mark.parametrize(
    "arguments",
    [["nothing.py"], ["empty"], ["-m", "nothing"], ["-m", "empty"], ["-m", "empty.nothing"]],
    ids=" ".join,
)
def test_a_program_that_is_not_there_is_one_line_and_pythons_exit_status(programs, arguments):
    programs.write("empty/other.py", "")
    aliased = programs.run("-m", "waterspout.tornado", *arguments)
    assert aliased.returncode == programs.run(*arguments).returncode
    assert aliased.stderr.count("\n") == 1, aliased.stderr
    assert aliased.stderr.startswith(f"{sys.executable}: ")


def test_an_import_that_fails_on_the_way_to_a_module_is_not_taken_for_a_missing_one(programs):
    programs.write("pack/__init__.py", "import not_installed_here")
    programs.write("pack/app.py", "")
    result = programs.run("-m", "waterspout.tornado", "-m", "pack.app")
    assert result.returncode == 1
    assert "Traceback" in result.stderr and "not_installed_here" in result.stderr


def test_who_is_at_work_after_the_last_line_still_finds_the_programs_classes(programs):
    script = programs.write(
        "app.py",
        """
        import atexit, pickle, sys, threading
        import tornado.ioloop

        class Loop(tornado.ioloop.IOLoop):
            pass

        def look(when):
            assert pickle.loads(pickle.dumps(Loop)) is Loop is sys.modules["__main__"].Loop
            print(when, flush=True)

        def later():
            threading.main_thread().join()
            look("thread")

        threading.Thread(target=later).start()
        atexit.register(look, "exit")
        if "fail" in sys.argv:
            sys.exit(3)
        """,
    )
    assert programs.output("-m", "waterspout.tornado", script) == "thread\nexit\n"
    assert programs.output("-m", "waterspout.tornado", "-m", "app") == "thread\nexit\n"
    failed = programs.run("-m", "waterspout.tornado", script, "fail")
    assert (failed.stdout, failed.returncode) == ("thread\nexit\n", 3)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("arguments", [["app.py"], ["-m", "pack.app"]], ids=" ".join)
def test_workers_of_every_kind_find_the_main_module(programs, method, arguments):
    code = f"""
        import multiprocessing

        def double(x):
            return 2 * x

        if __name__ == "__main__":
            import tornado.ioloop  # not in the workers: a checkout has no .pth file that would take the alias there
            with multiprocessing.get_context("{method}").Pool(1) as pool:
                print(pool.apply(double, (21,)))
        """
    programs.write("app.py", code)
    programs.write("pack/app.py", code)
    programs.write("pack/__init__.py", "")
    assert programs.output("-m", "waterspout.tornado", *arguments) == "42\n"
