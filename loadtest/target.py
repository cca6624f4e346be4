"""The environment of a measured server: the interpreter that runs it must find the library under measure."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def environment(module: str, python: str) -> dict[str, str]:
    """Environment variables with which ``python`` can import ``module``.

    Installed distributions win. Where ``python`` has no Waterspout, the checkout's own packages are put on its path.
    Raises LookupError, which names the module and the interpreter, when it cannot be found either way.
    """
    env = dict(os.environ)
    probe = [
        python,
        "-c",
        "import importlib.util as u, sys; sys.exit(any(u.find_spec(name) is None for name in sys.argv[1:]))",
        module.partition(".")[0],
        module,
    ]
    if subprocess.run(probe, env=env, capture_output=True).returncode == 0:
        return env
    if module.startswith("waterspout"):
        sources = [str(path) for path in sorted(HERE.parent.glob("packages/*/src"))]
        env["PYTHONPATH"] = os.pathsep.join([*sources, *filter(None, [env.get("PYTHONPATH")])])
        if subprocess.run(probe, env=env, capture_output=True).returncode == 0:
            return env
    raise LookupError(f"{module} cannot be imported by {python}: install it, or leave it out with --servers")
