"""An uploaded file that is held in memory."""

from __future__ import annotations

import re
from typing import Final

from waterspout.util import ObjectDict

__all__ = ["HTTPFile", "safe_filename"]

#: Names that Windows takes for devices, with any extension, and with spaces before it.
_DEVICE: Final = re.compile(
    r"(?i:con|prn|aux|nul|com[0-9\xb9\xb2\xb3]|lpt[0-9\xb9\xb2\xb3]|conin\$|conout\$) *(?:\..*)?"
)
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f<>:\"|?*]")


def safe_filename(filename: str) -> str | None:
    """The last component of a name that a client sent, fit to be joined to a directory; None if nothing is left.

    Takes ``/`` and ``\\`` as separators whatever the platform. None for ``.``, ``..``, an empty component, names of
    Windows devices, and names with control characters or ``<>:"|?*``, which some file system treats specially;
    trailing dots and spaces, which Windows drops, are cut.
    """
    name = filename.replace("\\", "/").rpartition("/")[2].rstrip(". ")
    if not name or _UNSAFE.search(name) is not None or _DEVICE.fullmatch(name) is not None:
        return None
    return name


class HTTPFile(ObjectDict):
    """One file of a form: `filename` as the client sent it, `body` (bytes) and `content_type`.

    `filename` must never become part of a path as it is; `safe_filename` may.
    """

    __module__ = "waterspout.httputil"

    filename: str
    body: bytes
    content_type: str

    @property
    def safe_filename(self) -> str | None:
        """`filename` without any directory, or None where it names no file; see the function of this name."""
        return safe_filename(self.filename)
