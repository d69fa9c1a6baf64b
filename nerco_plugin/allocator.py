"""The C library told to keep freed memory for the next tensor, instead of handing it back and faulting it in again."""

import ctypes
import sys
from functools import cache

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
    library = _glibc()
    if not library:
        return False
    return bool(library.mallopt(MMAP_THRESHOLD, LARGEST_KEPT) and library.mallopt(TRIM_THRESHOLD, MOST_KEPT))


def hand_back_freed() -> None:
    """Give the system what freed tensors left, wherever it lies; nothing where the C library is not glibc."""
    library = _glibc()
    if library:
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
