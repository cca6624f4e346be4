"""Write wheel and sdist of every distribution of the checkout into a folder, which is emptied before.

usage: build.py DIST_FOLDER

What `hatch build --all` writes, by the same backend, without an environment for each distribution: hatchling has to be
installed. Releases are built by hatch itself, and so is what `tox -e pkgcheck` looks at.
"""

import os
import pathlib
import shutil
import sys

from hatchling.build import build_sdist, build_wheel

ROOT = pathlib.Path(__file__).resolve().parents[1]


def main(folder: pathlib.Path) -> int:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for project in (ROOT, *sorted(file.parent for file in ROOT.glob("packages/*/pyproject.toml"))):
        os.chdir(project)  # where a build backend finds what it builds
        for build in (build_sdist, build_wheel):
            print("build:", build(str(folder)))
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
