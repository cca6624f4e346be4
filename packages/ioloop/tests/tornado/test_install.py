"""`install()`: what else changes, and how child processes follow."""

import os
import pathlib
import subprocess
import sys
import venv

import pytest

import waterspout.tornado

PTH = pathlib.Path(__file__).parents[2] / "src" / "waterspout_tornado.pth"


def test_importing_the_alias_changes_nothing(programs):
    programs.output(
        "-c",
        "import os, sys, logging\n"
        "before = list(sys.meta_path)\n"
        "import waterspout.tornado, waterspout.util\n"
        "assert sys.meta_path == before\n"
        "assert 'WATERSPOUT_TORNADO' not in os.environ\n"
        "assert not waterspout.util.is_tornado_compat(None)\n",
    )


def test_loggers_get_tornados_names(programs):
    out = programs.aliased(
        """
        import logging
        from waterspout.log import access_log, app_log, gen_log
        print(access_log.name, app_log.name, gen_log.name)
        print(logging.getLogger("tornado.access") is access_log)
        """
    )
    assert out == "tornado.access tornado.application tornado.general\nTrue\n"


def test_compatible_answers_become_the_default(programs):
    assert programs.aliased("import tornado.util as u; print(u.is_tornado_compat(None))") == "True\n"


def test_install_again_changes_nothing(programs):
    out = programs.aliased(
        """
        import sys, waterspout.tornado
        before = list(sys.meta_path)
        waterspout.tornado.install()
        print(sys.meta_path == before)
        """
    )
    assert out == "True\n"


def test_real_tornado_that_was_imported_before_is_refused(programs):
    programs.write("tornado/__init__.py", "version = '5'\n")
    result = programs.run("-c", "import tornado, waterspout.tornado; waterspout.tornado.install()")
    assert result.returncode == 1
    assert "RuntimeError: tornado has been imported already (from " in result.stderr


def test_real_tornado_beside_is_not_used_and_not_touched(programs):
    programs.write("tornado/__init__.py", "raise AssertionError('the real one')\n")
    programs.write("tornado/ioloop.py", "raise AssertionError('the real one')\n")
    out = programs.aliased("import tornado.ioloop; print(tornado.version, tornado.ioloop.__name__)")
    assert out == "6.6.1 waterspout.ioloop\n"


def test_environment_variable_is_set_for_children(programs):
    out = programs.aliased("import os; print(os.environ[waterspout.tornado.ENVIRONMENT_VARIABLE])")
    assert out == "1\n"
    assert waterspout.tornado.ENVIRONMENT_VARIABLE == "WATERSPOUT_TORNADO"


@pytest.fixture
def site(tmp_path):
    """A folder that Python treats as site-packages, with the wheel's .pth file in it."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / PTH.name).write_bytes(PTH.read_bytes())
    return folder


def test_pth_file_is_one_line(site):
    assert PTH.read_text().count("\n") <= 1


@pytest.mark.parametrize("environment, expected", [({"WATERSPOUT_TORNADO": "1"}, True), ({}, False)])
def test_pth_file_acts_only_when_the_variable_is_set(programs, site, environment, expected):
    out = programs.output(
        "-c",
        f"import site, sys; site.addsitedir({str(site)!r});"
        "print(any(type(f).__name__ == 'AliasFinder' for f in sys.meta_path),"
        " any(name.startswith('waterspout.') for name in sys.modules))",
        **environment,
    )
    assert out == f"{expected} {expected}\n"


def test_pth_file_without_waterspout_does_not_keep_python_from_starting(programs, site):
    result = programs.run(
        "-S", "-c", f"import site; site.addsitedir({str(site)!r}); print('started')", WATERSPOUT_TORNADO="1"
    )
    assert result.stdout == "started\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_workers_have_the_alias(programs):
    out = programs.aliased(
        """
        import os
        pid = os.fork()
        if not pid:
            import tornado.ioloop
            os._exit(42 if tornado.ioloop.IOLoop.__module__ == "waterspout.ioloop" else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """
    )
    assert out == "42\n"


def test_child_processes_have_the_alias(programs, tmp_path):
    """With the .pth file where an installed wheel has it: in a virtual environment's site-packages."""
    folder = tmp_path / "venv"
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    (packages,) = folder.glob("lib/python*/site-packages")
    sources = [p for p in sys.path if os.path.isdir(os.path.join(p, "waterspout"))]
    (packages / "_sources.pth").write_text("\n".join(sources) + "\n")
    (packages / PTH.name).write_bytes(PTH.read_bytes())
    program = programs.write(
        "app.py",
        """
        import multiprocessing, subprocess, sys
        import tornado.ioloop

        def work(queue):
            import tornado.util
            queue.put(tornado.util.__name__)

        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            queue = context.Queue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            print(queue.get(timeout=30))
            process.join()
            code = "import tornado.gen; print(tornado.gen.__name__, tornado.version)"
            print(subprocess.check_output([sys.executable, "-c", code], text=True), end="")
        """,
    )
    clean = {key: value for key, value in os.environ.items() if key not in ("WATERSPOUT_TORNADO", "PYTHONPATH")}
    result = subprocess.run(
        [python, "-m", "waterspout.tornado", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean,
    )
    assert result.stdout == "waterspout.util\nwaterspout.gen 6.6.1\n", result.stderr


def test_python_m_tornado_module_runs_ours_in_children(programs, site):
    """``python -m tornado.autoreload`` where the .pth file is in force."""
    code = (
        f"import site, sys, runpy; site.addsitedir({str(site)!r});"
        "sys.argv = ['x', '--help']; runpy.run_module('tornado.autoreload', run_name='__main__', alter_sys=True)"
    )
    assert "python -m waterspout.autoreload" in programs.output("-c", code, WATERSPOUT_TORNADO="1")
