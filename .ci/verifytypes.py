"""Check that every public package of the installed distributions is completely typed, as a type checker's user sees it.

usage: verifytypes.py

Runs `basedpyright --verifytypes` (pyright's check) on each `waterspout.X` that the installed `waterspout-*`
distributions carry, a few at a time, prints the share of exported symbols whose type every checker knows alike, then
each place that stands against it once. Exit status 1 when any package is below 100 %.
"""

import concurrent.futures
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys


def public_packages() -> list[str]:
    """`waterspout.X` for every X that an installed `waterspout-*` distribution carries."""
    found = set()
    for distribution in importlib.metadata.distributions():
        if not (distribution.metadata["Name"] or "").startswith("waterspout-"):
            continue
        for file in distribution.files or ():
            if len(file.parts) > 2 and file.parts[0] == "waterspout":
                found.add(f"waterspout.{file.parts[1]}")
    return sorted(found)


def verify(package: str) -> tuple[str, float, set[str]]:
    """The completeness of one package (0 to 1) and what stands against it, one line each."""
    here = pathlib.Path(sys.executable).parent
    command = [sys.executable, "-m", "basedpyright", "--verifytypes", package, "--ignoreexternal", "--outputjson"]
    run = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}"}
    )
    try:
        report = json.loads(run.stdout)
        completeness = report["typeCompleteness"]
        score = float(completeness["completenessScore"])
    except (ValueError, KeyError):
        return package, 0.0, {f"{package}: basedpyright said: {(run.stdout + run.stderr).strip()}"}
    notes = [(package, note) for note in report["generalDiagnostics"]]
    notes += [(symbol["name"], note) for symbol in completeness["symbols"] for note in symbol["diagnostics"]]
    return package, score, {described(name, note) for name, note in notes if note["severity"] == "error"}


def described(name: str, note: dict) -> str:
    path = note.get("file", "")
    place = path[path.rindex("/waterspout/") + 1 :] if "/waterspout/" in path else path
    if "range" in note:
        place += f":{note['range']['start']['line'] + 1}"
    return f"{place}: {name}: {' '.join(note['message'].split())}"


def main() -> int:
    packages = public_packages()
    if not packages:
        print("verifytypes: no waterspout-* distribution is installed here; run it by `tox -e build,type`")
        return 1
    incomplete, complaints = 0, set()
    with concurrent.futures.ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        for package, score, found in pool.map(verify, packages):
            print(f"{package:32} {score:7.1%}")
            incomplete += score < 1
            complaints |= found
    # A symbol that is unknown because another one is follows from that one's line, which is listed too.
    for complaint in sorted(complaint for complaint in complaints if "partially unknown" not in complaint):
        print(complaint)
    print(f"verifytypes: {len(packages) - incomplete} of {len(packages)} public packages are completely typed")
    return 1 if incomplete else 0


if __name__ == "__main__":
    sys.exit(main())
