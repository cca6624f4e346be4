"""Restart the process when one of its source files changes: for development.

``start()`` does so in a running server (``debug=True`` of a web application calls it). ``python -m
waterspout.autoreload [--until-success] PROGRAM.py|-m MODULE [arguments]`` runs any program again whenever its files
change, also after it failed.
"""

import signal

from waterspout.autoreload._command import main
from waterspout.autoreload._restart import add_reload_hook
from waterspout.autoreload._restart import reload as _reload  # noqa: F401  # Tornado's private name for it
from waterspout.autoreload._start import start, wait, watch

__all__ = ["add_reload_hook", "main", "signal", "start", "wait", "watch"]
