"""The memory of freed tensors: kept for the next ones, in large pages.

A training step frees and asks for hundreds of megabytes. Given back to the system, each page of
them is cleared anew; in pages of 4 kB, finding a number's place takes a tenth of the time.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from contextlib import suppress

LARGE = 2**30  # bytes; smaller blocks of memory are kept for the next tensor
TRIM, MAPPED = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
HEAP = LARGE - 2**24  # bytes of the heap in large pages; below LARGE, or it would be given back
PAGE, HUGE = 2**12, 2**21  # bytes of a page, and of a large one
ADVICE = 14  # MADV_HUGEPAGE of mman.h


@functools.cache
def keep_memory() -> None:
    """Let the C library keep the memory of freed tensors for the next ones (Linux with glibc).

    The next gigabyte that the process asks for comes in large pages, where the system has them. It
    takes memory only where it is written to. Nothing that is computed changes. Elsewhere, and where
    the memory does not suffice, nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            library = ctypes.CDLL("libc.so.6")
            if not library.mallopt(MAPPED, LARGE):
                library.mallopt(MAPPED, 2**25)  # the most that older versions take
            library.mallopt(TRIM, LARGE)
            _enlarge_pages(library)


def _enlarge_pages(library: ctypes.CDLL) -> None:
    """Reserve memory that comes in large pages once it is used, and free it for the next to ask."""
    library.malloc.restype = ctypes.c_void_p
    begin = library.malloc(ctypes.c_size_t(HEAP))
    if begin:
        aligned = -(-begin // HUGE) * HUGE
        size = (begin + HEAP - aligned) // PAGE * PAGE
        library.madvise(ctypes.c_void_p(aligned), ctypes.c_size_t(size), ADVICE)
        library.free(ctypes.c_void_p(begin))
