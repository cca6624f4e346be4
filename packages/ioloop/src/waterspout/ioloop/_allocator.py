"""Large buffers whose pages stay with the process.

glibc serves requests above a threshold with fresh pages from the kernel and gives them back when they are freed, and
it trims a free end of the heap above twice that threshold. The threshold starts at 128 KiB and follows the largest
block that was freed so (mallopt(3), M_MMAP_THRESHOLD). A process that receives and frees blocks of 256 KiB to a few MiB
therefore pays a page fault for each 4 KiB again and again: a form with a file of 1 MiB cost 1.7 ms in the kernel with
the threshold as it starts, 0.3 ms with 8 MiB.
"""

from __future__ import annotations

import functools

__all__ = ["KEPT_BLOCK", "keep_freed_pages"]

#: Bytes of a block up to which freed memory is used again; at most twice as much stays free at the heap's end.
KEPT_BLOCK = 8 * 1024 * 1024


@functools.cache
def keep_freed_pages() -> None:
    """Raise the threshold to `KEPT_BLOCK`, by freeing one block of that size; elsewhere than on glibc nothing happens.

    Once a process, and its children have it from their parent. The block's pages are never touched (it is zeros from
    the kernel), so that it takes no memory; some microseconds. A second such block would come from the heap, where
    zeros have to be written: milliseconds, and `KEPT_BLOCK` that stays resident.
    """
    bytes(KEPT_BLOCK)
