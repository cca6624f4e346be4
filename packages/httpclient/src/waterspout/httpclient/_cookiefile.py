"""A cookie jar in a file: JSON, readable by its owner alone.

JSON and not pickle: a pickle that somebody else could write runs what they like when it is loaded. A cookie says in
the file, too, whether it is for its host alone: one that has lost that would be sent to every subdomain.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from math import inf, isfinite
from typing import Any, Final

from waterspout.httpclient._controls import has_controls

__all__ = ["read_cookies", "write_cookies"]

VERSION: Final = 1
#: What is kept of a cookie, and of which type it must be when it comes back.
FIELDS: Final[dict[str, tuple[type, ...]]] = {
    "name": (str,), "value": (str,), "domain": (str,), "path": (str,), "expires": (int, float, type(None)),
    "host_only": (bool,), "secure": (bool,), "http_only": (bool,), "same_site": (str,), "created": (int, float),
}  # fmt: skip


def write_cookies(path: str | os.PathLike[str], cookies: Iterable[Any]) -> None:
    """Put *cookies* in place of the file at *path*: whole at any time, of mode 0600 from the first byte on."""
    entries = []
    for cookie in cookies:
        entry = {name: getattr(cookie, name) for name in FIELDS}
        if entry["expires"] == inf:
            entry["expires"] = None
        entries.append(entry)
    target = os.fspath(path)
    beside = f"{target}.{os.getpid()}.new"
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        with open(fd, "w", encoding="utf-8") as file:
            json.dump({"version": VERSION, "cookies": entries}, file, allow_nan=False)
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise


def read_cookies(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The fields of the cookies in the file at *path* that have not expired. ValueError if it is no such file."""
    with open(path, encoding="utf-8") as file:
        try:
            content = json.load(file)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{os.fspath(path)} holds no cookies: it is not JSON ({error})") from None
    if not isinstance(content, dict) or content.get("version") != VERSION or type(content.get("cookies")) is not list:
        raise ValueError(f"{os.fspath(path)} holds no cookies of version {VERSION}")
    now = time.time()
    found = []
    for entry in content["cookies"]:
        if type(entry) is not dict or entry.keys() != FIELDS.keys():
            raise ValueError(f"{os.fspath(path)}: a cookie must have {', '.join(FIELDS)}")
        for name, types in FIELDS.items():
            if type(entry[name]) not in types or (type(entry[name]) is float and not isfinite(entry[name])):
                raise ValueError(f"{os.fspath(path)}: {name} of a cookie is {type(entry[name]).__name__}")
        if any(has_controls(entry[name]) for name in ("name", "value", "domain", "path")):
            raise ValueError(f"{os.fspath(path)}: a cookie holds control characters")
        if entry["expires"] is None:
            entry["expires"] = inf
        if entry["expires"] > now:
            found.append(entry)
    return found
