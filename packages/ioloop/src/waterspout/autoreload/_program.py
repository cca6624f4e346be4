"""The supervised side of ``python -m waterspout.autoreload``: run a program as ``__main__``, and report its files."""

from __future__ import annotations

import os
import runpy
import sys
import traceback

from waterspout.autoreload._report import Report
from waterspout.autoreload._restart import process
from waterspout.autoreload._watcher import module_files


def run_program(arguments: list[str], report: Report) -> None:
    """Run ``PROGRAM.py arguments`` or ``-m MODULE arguments``; however it ends, the report names all files it used."""
    process.report = report
    script = None if arguments[0] == "-m" else arguments[0]
    if script is not None:
        process.files.add(os.path.abspath(script))
    report.watch([*process.files, *module_files()])  # if it is killed
    try:
        if script is None:
            sys.argv[:] = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv[:] = arguments
            # The current folder, which python -m has put on the path, stays there behind the script's own: Tornado's
            # command leaves it there, and programs import by it.
            sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
            runpy.run_path(script, run_name="__main__")
    except BaseException as error:
        # A module that could not be imported is not among the loaded ones, but is the very one that will be mended.
        process.files.update(_files_in(error))
        raise
    finally:
        report.end([*process.files, *module_files()])


def _files_in(error: BaseException) -> list[str]:
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        files.append(error.filename)
    return [file for file in files if os.path.isfile(file)]
