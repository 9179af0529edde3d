"""The C library's allocator, told to keep the memory of large arrays for the next ones.

By default glibc asks the system for every array of more than 32 MiB, and hands memory back as soon as it is free at the
end of the heap. A training step that allocates and frees the same hundreds of megabytes each time then pays for their
pages, each of which the system fills with zeros first: a sixth of a step of a GPT. So the process keeps what it has
freed, up to `KEPT`; arrays of more than that still come from the system and go back to it at once. What the process
needs at its peak is unchanged.

The environment variable GRADC_KEEP_MEMORY=0, or any of glibc's own (MALLOC_TRIM_THRESHOLD_, ...), leaves all as it is.
"""

from __future__ import annotations

import ctypes
import os
import sys

KEPT = 1 << 30
"""Bytes that are kept for later arrays, and the size of the largest array that comes from them."""

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""M_TRIM_THRESHOLD and M_MMAP_THRESHOLD in glibc's malloc.h."""


def keep_memory() -> bool:
    """Keep freed memory, where the C library is glibc and the user has not said otherwise. Returns whether it is so."""
    chosen = [name for name in os.environ if name.startswith(("MALLOC_", "GLIBC_TUNABLES"))]
    if chosen or os.environ.get("GRADC_KEEP_MEMORY") == "0" or not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    return bool(library.mallopt(MMAP_THRESHOLD, KEPT) and library.mallopt(TRIM_THRESHOLD, KEPT))


keep_memory()
