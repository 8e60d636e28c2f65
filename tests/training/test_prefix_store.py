"""Entries on disk: whole or not there, and never more than the limit."""

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mtl_core.errors import BadInput
from mtl_core.settings import Settings
from mtl_core.training.prefix.store import PrefixStore

SHAPE = (5, 8)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "prefixes"


@pytest.fixture
def store(folder):
    return PrefixStore(folder, 1_000_000)


def numbers(seed=0):
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(seed))


def every_row(stored):
    return stored.take(torch.arange(SHAPE[0]))


def write(store, key, rows=None):
    rows = numbers() if rows is None else rows
    with store.writing(key, SHAPE) as draft:
        draft.append(rows[:2])
        draft.append(rows[2:])


def test_what_was_written_is_read_to_the_bit(store):
    write(store, "a", numbers(3))

    assert torch.equal(every_row(store.read("a", SHAPE)), numbers(3))


def test_an_entry_is_a_safetensors_file(store, folder):
    write(store, "a", numbers(3))

    assert torch.equal(load_file(folder / "a.safetensors")["outputs"], numbers(3))


def test_an_unknown_key_reads_as_nothing(store, folder):
    assert store.read("a", SHAPE) is None
    assert not folder.exists()


@pytest.mark.parametrize("place", [0, 9, 60, 200, -1])
def test_one_flipped_bit_anywhere_and_the_entry_is_taken_away(store, folder, place):
    write(store, "a")
    file = folder / "a.safetensors"
    damaged = bytearray(file.read_bytes())
    damaged[place] ^= 1
    file.write_bytes(damaged)

    assert store.read("a", SHAPE) is None
    assert not file.exists()


@pytest.mark.parametrize("length", [0, 7, 100, 250])
def test_an_entry_cut_short_is_taken_away(store, folder, length):
    write(store, "a")
    file = folder / "a.safetensors"
    file.write_bytes(file.read_bytes()[:length])

    assert store.read("a", SHAPE) is None
    assert not file.exists()


def test_an_entry_of_another_shape_is_not_read(store):
    write(store, "a")

    assert store.read("a", (SHAPE[0] * 2, SHAPE[1] // 2)) is None


def test_a_write_that_fails_leaves_nothing(store, folder):
    def fail():
        with store.writing("a", SHAPE) as draft:
            draft.append(numbers()[:2])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(folder.iterdir()) == []


def test_past_the_limit_the_entry_used_longest_ago_goes_first(folder):
    store = PrefixStore(folder, 1_000_000)
    for key in "abc":
        write(store, key)
    size = (folder / "a.safetensors").stat().st_size
    for age, key in enumerate("abc"):
        os.utime(folder / f"{key}.safetensors", (1_000_000 - age, 1_000_000 - age))
    assert store.read("c", SHAPE) is not None  # the oldest, and now the last one used

    write(PrefixStore(folder, 3 * size), "d")

    assert {file.stem for file in folder.iterdir()} == {"a", "c", "d"}


def test_a_draft_of_a_process_long_gone_is_cleared_and_a_fresh_one_is_not(store, folder):
    folder.mkdir()
    (folder / "old.draft").write_bytes(b"")
    (folder / "new.draft").write_bytes(b"")
    os.utime(folder / "old.draft", (0, 0))

    write(store, "a")

    assert {file.name for file in folder.iterdir()} == {"new.draft", "a.safetensors"}


def test_settings_say_where_entries_lie_and_how_much_of_them(tmp_path, monkeypatch):
    home = Settings(home=tmp_path / "home", threads=1)
    assert home.prefixes == tmp_path / "home" / "cache" / "prefixes"

    monkeypatch.setenv("FREEZE_LAB_CACHE", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("FREEZE_LAB_CACHE_BYTES", "1000")
    settings = Settings.from_environment()
    assert (settings.prefixes, settings.cache_bytes) == (tmp_path / "elsewhere" / "prefixes", 1000)
    assert PrefixStore.of(settings).limit_bytes == 1000


def test_a_limit_of_nothing_keeps_nothing(monkeypatch):
    monkeypatch.setenv("FREEZE_LAB_CACHE_BYTES", "0")

    store = PrefixStore.of(Settings.from_environment())

    assert store.limit_bytes == 0


def test_settings_limit_the_outputs_in_memory(monkeypatch):
    assert PrefixStore.of(Settings.from_environment()).memory_bytes == 1_000_000_000
    monkeypatch.setenv("FREEZE_LAB_PREFIX_MEMORY_BYTES", "0")
    assert PrefixStore.of(Settings.from_environment()).memory_bytes == 0

    monkeypatch.setenv("FREEZE_LAB_PREFIX_MEMORY_BYTES", "1 GB")
    with pytest.raises(BadInput, match="FREEZE_LAB_PREFIX_MEMORY_BYTES=1 GB: a whole number"):
        Settings.from_environment()


def test_rows_of_a_draft_in_passing_are_read_and_no_file_is_left(store, folder):
    with store.temporary(SHAPE) as draft:
        draft.append(numbers(3))

    assert list(folder.iterdir()) == []
    assert torch.equal(every_row(draft.rows), numbers(3))


def test_rows_are_read_in_any_order_and_repeatedly(store):
    with store.temporary(SHAPE) as draft:
        draft.append(numbers(3))
    index = torch.tensor([4, 0, 1, 1, 4, 2, 0])

    assert torch.equal(draft.rows.take(index), numbers(3)[index])


def test_an_entry_taken_away_while_it_is_in_use_can_be_read_on(store, folder):
    write(store, "a", numbers(3))
    rows = store.read("a", SHAPE)

    store.delete("a")

    assert not list(folder.iterdir())
    assert torch.equal(every_row(rows), numbers(3))


def test_an_entry_cut_short_while_it_is_in_use_is_an_error(store, folder):
    write(store, "a")
    rows = store.read("a", SHAPE)
    os.truncate(folder / "a.safetensors", 250)

    with pytest.raises(OSError, match="truncated while it was in use"):
        every_row(rows)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's own count")
def test_rows_in_a_file_take_no_memory_beyond_a_batch(folder):
    shape, little = (40_000, 256), 1_000_000  # 41 MB
    store = PrefixStore(folder, 10**9)
    with store.temporary(shape) as draft:
        for start in range(0, shape[0], 1000):
            block = torch.arange(start, start + 1000, dtype=torch.float32)
            draft.append(block[:, None].expand(-1, shape[1]))
    held = mapped_bytes()

    for start in range(0, shape[0], 100):
        index = torch.arange(start, start + 100)
        assert torch.equal(draft.rows.take(index)[:, -1], index.float())
        assert mapped_bytes() - held <= little

    assert torch.equal(draft.rows.take(torch.tensor([7]))[0], torch.full((256,), 7.0))


def mapped_bytes():
    """Bytes of files that lie in this process's memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[2])
    return pages * mmap.PAGESIZE


HOLD = """
import sys
from pathlib import Path
from mtl_core.training.prefix.store import PrefixStore

with PrefixStore(Path(sys.argv[1]), 1_000_000).computing(["a", "b"]):
    print("held", flush=True)
    sys.stdin.readline()
"""


class GaveUp(Exception):
    """Raised by the test while it waits."""


def give_up():
    raise GaveUp


def test_an_entry_that_another_process_computes_is_locked_until_that_process_ends(store, folder):
    command = [sys.executable, "-c", HOLD, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], **pipes) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(GaveUp), store.computing(["b"], give_up):
            pass
        with store.computing(["c"], give_up):
            pass
        other.kill()
        other.wait()
        with store.computing(["a", "b"], give_up):
            pass
    assert list(folder.iterdir()) == []
