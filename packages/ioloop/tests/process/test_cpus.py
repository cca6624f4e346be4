"""`cpu_count`."""

import os
import subprocess
import sys

import pytest

from waterspout.process import cpu_count


def test_counts_at_least_one_processor():
    assert cpu_count() >= 1


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no processor affinity on this platform")
def test_counts_only_the_processors_that_this_process_may_use():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    code += "import waterspout.process; print(waterspout.process.cpu_count())"
    assert subprocess.check_output([sys.executable, "-c", code], timeout=30) == b"1\n"
