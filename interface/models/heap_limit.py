"""How the process keeps its memory: handlers run in many threads, and glibc gives threads heaps of their own.

What an explanation took and gave back would stay in the heap of whichever thread made it, and with many
readers each thread's heap grows to the size of the largest explanation. Two heaps for all keep it bounded.
"""

import ctypes
import gc
import logging
import sys

logger = logging.getLogger(__name__)

HEAPS = 2
_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""


def share_heaps(heaps: int = HEAPS) -> bool:
    """Let all threads share a few heaps, before there are many; whether this C library (glibc) took it."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError) as exc:  # another C library, such as musl
        logger.info("heaps stay as they are: %s", exc)
        return False
    return mallopt(_M_ARENA_MAX, heaps) == 1


def spare_what_is_loaded() -> None:
    """Let Python's collector pass over all that is there now: libraries, page and checkpoints stay.

    It would walk through their 600,000 objects again and again as readers come, and all wait half a second.
    """
    gc.freeze()
