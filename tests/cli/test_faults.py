"""A full disk, missing memory and a locked store on the command line: one line, and exit code 1."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtl_core.cli import entry
from mtl_core.settings import Settings
from tests.commands import Command
from tests.full_disk import full_disk


@pytest.fixture
def failed(command: Command) -> Callable[..., str]:
    """Run a command that fails because of the machine; its one message."""

    def message(*arguments: object) -> str:
        answer = command(*arguments)
        assert (answer.code, answer.out) == (1, ""), answer
        assert len(answer.err.splitlines()) == 1, answer.err
        return answer.err.strip()

    return message


def test_a_store_without_space_says_so(failed: Callable[..., str]) -> None:
    with full_disk(100):
        text = failed("runs", "list")
    assert text.endswith("disk I/O error. Check that its disk has space left and works.")
    assert str(Settings.from_environment().database) in text


def test_a_file_that_does_not_fit_says_what_frees_space(
    failed: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def write(_command: Any) -> None:
        (tmp_path / "note.html").write_bytes(b"x" * 10_000)

    monkeypatch.setattr(entry, "application", write)
    with full_disk(5_000):
        assert failed("export", "a-run") == (
            "The disk is full. Free space, for example with `freeze-lab runs prune`, which deletes "
            "saved models; then `freeze-lab runs resume RUN` continues a run that was cut off."
        )


@pytest.mark.parametrize(
    "problem",
    [MemoryError(), RuntimeError("[enforce fail] can't allocate memory: you tried to allocate 4")],
    ids=["Python", "torch"],
)
def test_missing_memory_says_what_needs_less(
    failed: Callable[..., str], monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def refuse(_command: Any) -> None:
        raise problem

    monkeypatch.setattr(entry, "application", refuse)
    assert failed("runs", "list") == (
        "Memory ran out: try a smaller batch size or maximum length, or a plan that trains only "
        "higher layers."
    )
