"""Memory of the process: its peak, pages that were freed, and pages mapped from a weight file.

Batches differ in shape, so memory freed by one step seldom fits the next. glibc keeps the gaps,
and the process grows from epoch to epoch although it holds no more data than before.

Weights are mapped from their file, and a page counts as the process's memory once it is read. A
digest reads every byte, including the word embeddings that no sentence contains: half of a small
checkpoint. Such pages can be released; they are read again when needed.
"""

import ctypes
import mmap
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_PAGE_OUT = 21  # MADV_PAGEOUT, Linux 5.4
_MAPS = Path("/proc/self/maps")


def reset_peak_memory(device: str = "cpu") -> None:
    """Reset the peak where the system supports it; a reused process would report an older run's."""
    if device == "cuda":
        from torch import cuda

        cuda.reset_peak_memory_stats()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_bytes(device: str = "cpu") -> int:
    """Return the peak memory of this process since `reset_peak_memory`, where that is supported.

    For `device` "cuda" it is the GPU's memory, otherwise the system's, which MPS shares.
    """
    if device == "cuda":
        from torch import cuda

        return cuda.max_memory_allocated()
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def release_freed_memory() -> None:
    """Return freed pages to the operating system; takes milliseconds. Only glibc needs this."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(ctypes.c_size_t(0))


def is_mapped(tensor: "Tensor") -> bool:
    """Whether a tensor is mapped from a file, so that its pages can be released. Linux only."""
    on_cpu = sys.platform == "linux" and tensor.device.type == "cpu"
    return on_cpu and _is_mapped_from_file(tensor.data_ptr())


def release_mapped_pages(tensor: "Tensor") -> None:
    """Release the memory pages of a tensor that is mapped from a file, as `is_mapped` determines.

    The values are unchanged, including those that were written to. Do not pass tensors in the
    process's own memory, because the system might swap them out.
    """
    start = tensor.data_ptr()
    end = start + tensor.numel() * tensor.element_size()
    first, last = -(-start // mmap.PAGESIZE), end // mmap.PAGESIZE
    if first < last:
        address = ctypes.c_void_p(first * mmap.PAGESIZE)
        length = ctypes.c_size_t((last - first) * mmap.PAGESIZE)
        ctypes.CDLL(None).madvise(address, length, _PAGE_OUT)  # harmless if an old kernel refuses


def _is_mapped_from_file(address: int) -> bool:
    """Whether a file is mapped at `address`: the sixth column of its line is then a path."""
    for line in _MAPS.read_text(encoding="utf-8", errors="replace").splitlines():
        places, *_, last = line.split(maxsplit=5)
        low, _, high = places.partition("-")
        if int(low, 16) <= address < int(high, 16):
            return last.startswith("/")
    return False
