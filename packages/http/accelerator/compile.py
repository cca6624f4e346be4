"""Compiles masking.c for the Python that runs this: ``python compile.py FOLDER`` leaves ``_accelerated`` in FOLDER.

One file for all Pythons from 3.11 on (the stable ABI), save for free-threaded ones, which have none.
"""

import os
import pathlib
import shlex
import subprocess
import sys
import sysconfig

SOURCE = pathlib.Path(__file__).resolve().with_name("masking.c")
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


class CompilerError(Exception):
    """There is no C compiler, or it does not compile; the text has what it said."""


def compile_accelerator(folder: pathlib.Path, *flags: str) -> pathlib.Path:
    """Compile into *folder*, with further compiler *flags*; returns the file. Raises `CompilerError`."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX") if FREE_THREADED else ".abi3.so"
    target = folder / f"_accelerated{suffix}"
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    command = [*compiler, "-O3", "-fPIC", "-shared", "-Wall", "-Werror", *flags]
    if not FREE_THREADED:
        command.append("-DPy_LIMITED_API=0x030b0000")
    if sys.platform == "darwin":
        command += ["-undefined", "dynamic_lookup"]
    command += ["-I", sysconfig.get_paths()["include"], "-o", str(target), str(SOURCE)]
    try:
        ended = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise CompilerError(f"{compiler[0]} cannot be run: {error}") from error
    if ended.returncode:
        raise CompilerError(f"{shlex.join(command)}\n{ended.stderr.strip()}")
    return target


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(compile_accelerator(pathlib.Path(sys.argv[1])))
