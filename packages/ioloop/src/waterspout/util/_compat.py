"""The one process-wide switch between strict behaviour and Tornado's.

Everything that is strict by default takes a setting `compat` of its own; what is left at None
follows the default that is kept here. It is set once, early, by the Tornado alias, and is the only
module-level state of this distribution.
"""

from typing import Literal

Mode = Literal["tornado", "waterspout"]

_MODES: dict[str, bool] = {"tornado": True, "waterspout": False}
_default_is_tornado = False


def set_compat_default(mode: Mode) -> None:
    """Make `mode` what settings left at None mean from now on, in the whole process.

    Objects that exist already keep what they were made with. Raises ValueError for any other mode.
    """
    global _default_is_tornado
    _default_is_tornado = _lookup(mode)


def is_tornado_compat(setting: str | None = None) -> bool:
    """Whether `setting` asks for Tornado's behaviour where the two differ.

    "tornado" does, "waterspout" does not, None follows the process default. Raises ValueError for
    anything else, so that a misspelt setting is never taken for the laxer mode.
    """
    if setting is None:
        return _default_is_tornado
    return _lookup(setting)


def _lookup(mode: str) -> bool:
    try:
        return _MODES[mode]
    except (KeyError, TypeError):
        raise ValueError(f"compat must be 'tornado', 'waterspout' or None, not {mode!r}") from None
