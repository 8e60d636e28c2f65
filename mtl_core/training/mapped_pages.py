"""Pages of a weight file that were read once, for a digest, and are not needed in memory.

Weights are mapped from their file, and a page counts as the process's memory from when it is first
read. A digest reads every byte, the rows of the word embedding that no sentence holds included:
half of a small checkpoint. What was only read can be let go of; it is read again when asked for.
"""

import ctypes
import mmap
import sys
from pathlib import Path

from torch import Tensor

_PAGE_OUT = 21  # MADV_PAGEOUT, Linux 5.4
_MAPS = Path("/proc/self/maps")


def let_go_of_pages(tensor: Tensor) -> None:
    """Let the operating system take back the pages of a tensor that is mapped from a file.

    Its values stay what they are, also where they were written to. Nothing happens to tensors of
    the process's own memory, which might be written to a swap file, nor where Linux is not.
    """
    if sys.platform != "linux" or tensor.device.type != "cpu":
        return
    start = tensor.data_ptr()
    end = start + tensor.numel() * tensor.element_size()
    first, last = -(-start // mmap.PAGESIZE), end // mmap.PAGESIZE
    if first < last and _of_a_file(start):
        address = ctypes.c_void_p(first * mmap.PAGESIZE)
        length = ctypes.c_size_t((last - first) * mmap.PAGESIZE)
        ctypes.CDLL(None).madvise(address, length, _PAGE_OUT)  # an older kernel refuses: no harm


def _of_a_file(address: int) -> bool:
    """Whether a file is mapped at `address`: the sixth column of its line is then a path."""
    for line in _MAPS.read_text(encoding="utf-8", errors="replace").splitlines():
        places, *_, last = line.split(maxsplit=5)
        low, _, high = places.partition("-")
        if int(low, 16) <= address < int(high, 16):
            return last.startswith("/")
    return False
