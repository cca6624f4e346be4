"""`install`: switch this process, and those it starts, from Tornado to Waterspout."""

from __future__ import annotations

import os
import sys

from waterspout.log import use_logger_names
from waterspout.tornado._finder import ALIAS, AliasFinder, AliasPackage, installed
from waterspout.util import set_compat_default

#: Set in the environment of child processes; the ``.pth`` file in the wheel acts on it.
ENVIRONMENT_VARIABLE = "WATERSPOUT_TORNADO"


def install() -> None:
    """From now on ``import tornado`` and ``from tornado.web import ...`` give Waterspout's modules.

    Also: loggers are called ``tornado.*``, answers are Tornado's where Waterspout is stricter by default
    (``compat``), and Python processes started from this one do the same. Calling it again changes nothing. A Tornado
    that is installed is left alone, and not used.

    RuntimeError if the real Tornado has been imported: objects of both would meet. Call this first.
    """
    real = sys.modules.get(ALIAS)
    if real is not None and not isinstance(real, AliasPackage):
        where = getattr(real, "__file__", None)
        raise RuntimeError(
            f"tornado has been imported already (from {where}): call waterspout.tornado.install() before that,"
            " or start the application with python -m waterspout.tornado"
        )
    if not installed():
        # First of all finders: the others would load our submodules a second time, under Tornado's names.
        sys.meta_path.insert(0, AliasFinder())
    set_compat_default("tornado")
    use_logger_names(ALIAS)
    os.environ[ENVIRONMENT_VARIABLE] = "1"


install.__module__ = "waterspout.tornado"
