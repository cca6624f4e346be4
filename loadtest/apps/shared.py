"""What every measured application serves: the same values, whatever the framework."""

from __future__ import annotations

import os
from pathlib import Path

ITEMS = [{"id": number, "name": f"item {number}", "tags": ["a", "b"]} for number in range(8)]
TABLE = [
    {
        "id": number,
        "name": f"Product <{number}> & more",
        "price": f"{number * 7 % 100}.{number:02}",
        "note": "a plain note on it",
        "stock": number % 3,
    }
    for number in range(20)
]
TEMPLATES = Path(__file__).resolve().parent / "templates"
#: 256 KiB in all.
PIECE, PIECES = b"x" * 4096, 64
UPLOAD_LIMIT = 16 << 20


def static_folder() -> str:
    """The folder with the static file, which ``bench.py`` makes; without it, this one."""
    return os.environ.get("BENCH_STATIC") or str(TEMPLATES)
