import platform
import subprocess
import sys

import pytest

# Minor page faults of 50 blocks of 2 MiB, each filled and freed; and what is resident afterwards, in KiB.
PROGRAM = """
import resource, sys
from waterspout.ioloop._allocator import keep_freed_pages
if "keep" in sys.argv:
    keep_freed_pages()
before = resource.getrusage(resource.RUSAGE_SELF)
for _ in range(50):
    bytearray(b"x") * (2 << 20)
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_minflt - before.ru_minflt)
"""

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have no such threshold")


def faults(*arguments):
    ended = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    return int(ended.stdout)


@glibc
def test_blocks_that_are_filled_and_freed_again_and_again_take_no_new_pages():
    assert faults("keep") < 2 * 512  # one block has 512 pages


@glibc
def test_the_raised_threshold_takes_no_memory_by_itself():
    program = (
        "import resource\n"
        "from waterspout.ioloop._allocator import KEPT_BLOCK, keep_freed_pages\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for _ in range(3):\n"
        "    keep_freed_pages()\n"  # as each new loop does
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < KEPT_BLOCK / 8)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "True"
