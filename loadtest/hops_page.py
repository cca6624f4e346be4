"""The table of docs/design/request.md, written from what ``hops.py`` counts, so that nobody types a count by hand.

``python loadtest/hops_page.py`` counts and writes the table anew (CPython 3.11 and strace are needed: the page names
them); ``test_hops_page.py`` counts again and compares.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import hops  # noqa: E402

PAGE = HERE.parent / "docs/design/request.md"
#: The interpreter that the page speaks of.
PYTHON = (3, 11)
#: What each row is called, and what is counted for it: the loop and the kind of request.
ROWS = {
    "plain `def get`, asyncio's loop": ("asyncio", "get"),
    "plain `def get`, Waterspout's loop": ("own", "get"),
    "`async def get`, asyncio's loop": ("asyncio", "get async"),
    "`async def get`, Waterspout's loop": ("own", "get async"),
    "`POST` of 4 KiB, asyncio's loop": ("asyncio", "post"),
    "`POST` of 4 KiB, Waterspout's loop": ("own", "post"),
    "long poll, asyncio's loop": ("asyncio", "long poll"),
}
_ROWS = re.compile(r"(?<=\| --- \| --- \| --- \| --- \| --- \| --- \|\n)(?:\|.*\n)+")


def written() -> dict[str, list[str]]:
    """The cells of each row of the page, by its name."""
    found = _ROWS.search(PAGE.read_text(encoding="utf-8"))
    if found is None:
        raise LookupError(f"{PAGE} has no table of six columns")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines()]
    return {row[0]: row[1:] for row in rows}


def counted(name: str, requests: int = 1000, *, system: bool = True) -> list[str]:
    """The cells of a row as they are now; those of system calls are empty without *system*."""
    loop, kind = ROWS[name]
    cell: dict[str, Any] = hops.measure("waterspout", loop, sys.executable, requests, [kind], system)[kind]
    alone, busy = cell.get("alone"), cell["busy"]
    kernel = [cell.get("system alone"), cell.get("system busy")]
    return [
        f"{(alone or busy)['turns']:.0f}",
        f"{alone['calls']:.0f}" if alone else "",
        f"{busy['calls']:.0f}",
        *(f"{sum(calls.values()):.1f}" if calls else "" for calls in kernel),
    ]


def main() -> int:
    if sys.version_info[:2] != PYTHON or shutil.which("strace") is None:
        print(f"CPython {PYTHON[0]}.{PYTHON[1]} and strace are needed: the page tells what they count", file=sys.stderr)
        return 1
    lines = [f"| {name} | {' | '.join(counted(name))} |".replace("|  |", "| |") for name in ROWS]
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_ROWS.sub(lambda _: "\n".join(lines) + "\n", text), encoding="utf-8")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
