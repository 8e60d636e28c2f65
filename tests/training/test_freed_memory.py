"""Memory between blocks that are still in use, given back to the system."""

import sys
from pathlib import Path

import pytest

from mtl_core.training.freed_memory import give_back_freed_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
KIB, MIB = 2**10, 2**20


def resident_bytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * KIB for line in lines if line.startswith("RssAnon:"))


def test_gaps_between_blocks_in_use_go_back_to_the_system():
    blocks = [bytearray(b"x" * 64 * KIB) for _ in range(1024)]
    in_use = blocks[::8]
    del blocks
    before = resident_bytes()

    give_back_freed_memory()

    assert before - resident_bytes() > 40 * MIB  # of 56 that were freed
    assert all(set(each) == {ord("x")} for each in in_use)
