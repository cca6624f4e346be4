"""Run Tornado applications on Waterspout: ``import tornado`` gives Waterspout's modules.

``python -m waterspout.tornado APP.py`` (or ``-m module``) runs an application this way, unchanged; `install` does the
same from inside. Child processes follow, through the environment variable ``WATERSPOUT_TORNADO``.
"""

from waterspout.tornado._install import ENVIRONMENT_VARIABLE, install
from waterspout.tornado._version import version, version_info

__all__ = ["ENVIRONMENT_VARIABLE", "install", "version", "version_info"]
