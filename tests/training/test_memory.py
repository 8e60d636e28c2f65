"""Memory that a run releases: pages of a mapped weight file after a digest, and freed blocks."""

import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mtl_core.training.memory import is_mapped, release_freed_memory, release_mapped_pages
from mtl_core.training.proof import tensor_digest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
KIB, MIB = 2**10, 2**20


def resident_bytes():
    """What this process holds in memory: of files, and of its own."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return {
        key: int(value.split()[0]) * 1024
        for key, _, value in (x.partition(":") for x in lines)
        if key in ("RssFile", "RssAnon")
    }


@pytest.fixture
def mapped(tmp_path):
    """A tensor of 32 MiB in a file of its own."""
    file = tmp_path / "model.safetensors"
    save_file({"weight": torch.arange(8 * MIB, dtype=torch.float32)}, file)
    with safe_open(file, framework="pt") as tensors:
        yield tensors.get_tensor("weight")


def test_what_is_read_of_a_weight_file_stays_in_memory_until_it_is_let_go(mapped):
    before = resident_bytes()["RssFile"]

    total = mapped.double().sum().item()
    assert resident_bytes()["RssFile"] - before > 28 * MIB
    release_mapped_pages(mapped)

    assert resident_bytes()["RssFile"] - before < 4 * MIB
    assert mapped.double().sum().item() == total


def test_a_digest_leaves_no_page_of_a_large_tensor_in_memory(mapped):
    before = resident_bytes()["RssFile"]

    found = tensor_digest(mapped)

    assert resident_bytes()["RssFile"] - before < 8 * MIB
    assert found == tensor_digest(mapped.clone())


def test_values_written_since_it_was_mapped_stay(mapped):
    mapped[12345] = -1.0

    release_mapped_pages(mapped)

    assert mapped[12345] == -1.0
    assert mapped[12346] == 12346.0


def test_the_process_own_memory_is_left_where_it_is():
    tensor = torch.arange(8 * MIB, dtype=torch.float32)
    before = resident_bytes()["RssAnon"]

    tensor_digest(tensor)

    assert not is_mapped(tensor)
    assert resident_bytes()["RssAnon"] >= before - MIB
    assert tensor[-1] == 8 * MIB - 1


def test_gaps_between_blocks_in_use_go_back_to_the_system():
    blocks = [bytearray(b"x" * 64 * KIB) for _ in range(1024)]
    in_use = blocks[::8]
    del blocks
    before = resident_bytes()["RssAnon"]

    release_freed_memory()

    assert before - resident_bytes()["RssAnon"] > 40 * MIB  # of 56 that were freed
    assert all(set(each) == {ord("x")} for each in in_use)
