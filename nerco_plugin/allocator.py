"""The C library told to keep freed memory for the next tensor, instead of handing it back and faulting it in again."""

import ctypes
import sys

# Parameters of mallopt, from glibc's malloc.h.
TRIM_THRESHOLD = -1
MMAP_THRESHOLD = -3
LARGEST_KEPT = 32 << 20  # bytes of one tensor; the most glibc takes. Larger maps go back at once: they set the peak.
MOST_KEPT = 1 << 30  # bytes of freed memory that a process may hold


def keep_freed_memory() -> bool:
    """For commands to call before their work; an environment variable of glibc's (``MALLOC_*``) still has its way.

    Returns:
        Whether the C library is glibc and took it; nothing is changed otherwise.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    return bool(library.mallopt(MMAP_THRESHOLD, LARGEST_KEPT) and library.mallopt(TRIM_THRESHOLD, MOST_KEPT))
