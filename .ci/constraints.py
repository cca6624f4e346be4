"""Write constraints.txt into a folder of wheels: each distribution pinned to its wheel there, by file URL.

usage: constraints.py DIST_FOLDER

A find-links folder alone does not keep an installer from a higher version on the index; such a constraint does.
"""

import pathlib
import sys


def main(folder: pathlib.Path) -> int:
    wheels = sorted(folder.glob("*.whl"))
    if not wheels:
        print(f"constraints: no wheel in {folder}; run `hatch build --all` first", file=sys.stderr)
        return 1
    pins = [f"{wheel.name.split('-')[0]} @ {wheel.as_uri()}" for wheel in wheels]
    (folder / "constraints.txt").write_text("\n".join(pins) + "\n", encoding="utf-8")
    print(f"constraints: {len(pins)} wheels in {folder / 'constraints.txt'}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
