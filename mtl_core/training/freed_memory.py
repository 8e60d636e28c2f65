"""Memory that a process has freed and that the C library keeps for what comes next.

Batches differ in shape, so what one step frees seldom fits the next. glibc keeps such gaps, and a
process grows epoch by epoch though it holds no more than before.
"""

import ctypes
import sys


def give_back_freed_memory() -> None:
    """Give freed pages back to the system; takes milliseconds. Only glibc keeps any: elsewhere
    nothing happens."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(ctypes.c_size_t(0))
