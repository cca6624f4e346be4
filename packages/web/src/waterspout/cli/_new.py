"""``waterspout new``: a small project that runs and passes its tests, to start from."""

from __future__ import annotations

import os
import secrets

from waterspout.cli._arguments import Parsed
from waterspout.cli._project import FILES

__all__ = ["execute"]


def execute(command: str, parsed: Parsed) -> int:
    """Write the files; nothing that exists is touched."""
    folder = parsed.operands[0]
    if os.path.exists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        raise SystemExit(f"waterspout: {folder!r} is there already, and not empty")
    try:
        _write_files(folder)
    except OSError as error:
        raise SystemExit(f"waterspout: cannot write {error.filename or folder!r}: {error.strerror or error}") from None
    print(f"{folder}: {', '.join(FILES)}")
    print(f"cd {folder} && waterspout dev app.py")
    print("tests: pip install pytest, then pytest")
    return 0


def _write_files(folder: str) -> None:
    title = os.path.basename(os.path.abspath(folder))
    for name, text in FILES.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text.replace("@SECRET@", secrets.token_hex(32)).replace("@NAME@", title))
    os.chmod(os.path.join(folder, "secret.txt"), 0o600)
