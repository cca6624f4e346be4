"""On the path of the processes that run Tornado's tests, and of those they start: ``tornado.test`` is the installed
Tornado's. All else that is called ``tornado`` is Waterspout's, by the ``.pth`` in its wheel.
"""

import sys
from importlib.machinery import PathFinder


class TornadosTests:
    """Finds ``tornado.test`` and what is in it, and nothing else."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if fullname == "tornado.test":
            tornado = PathFinder.find_spec("tornado")
            return tornado and PathFinder.find_spec(fullname, tornado.submodule_search_locations)
        return PathFinder.find_spec(fullname, path) if fullname.startswith("tornado.test.") else None


sys.meta_path.insert(0, TornadosTests)
