"""The benchmark against Trainer: its measurements, its rows, and equal inputs of both sides."""

import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.against_trainer import largest_difference, row_of
from benchmarks.run_request import RunRequest
from benchmarks.trainer_job import trainer_job
from benchmarks.whole_process import run_measured
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.dataset import load_dataset

REQUEST = RunRequest("ours", "gradual", examples=40, epochs=3.0)


def result(seconds: float, memory: int, accuracy: float) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "inner_seconds": seconds / 2,
        "processor_seconds": seconds * 2,
        "peak_memory_bytes": memory,
        "threads": 2,
        "metrics": {"sentiment": accuracy},
        "reused": [6],
    }


def test_a_row_has_medians_of_seconds_and_means_of_scores() -> None:
    theirs = [result(30.0, 700, 0.5), result(40.0, 800, 0.7), result(90.0, 900, 0.6)]
    ours = [result(10.0, 600, 0.8), result(10.0, 600, 0.8), result(10.0, 600, 0.8)]
    row = row_of("top-1", list(zip(theirs, ours, strict=True)), None)
    assert row["trainer"]["seconds"] == 40.0
    assert row["trainer"]["peak_memory_bytes"] == 800
    assert row["trainer"]["metrics"]["sentiment"] == pytest.approx(0.6)
    assert row["ratio"] == {"median": 4.0, "low": 3.0, "high": 9.0}
    assert row["inner_ratio"] == row["processor_ratio"] == row["ratio"]


def test_the_largest_difference_is_taken_over_steps_and_tasks() -> None:
    one: list[dict[str, float | None]] = [{"a": 1.0, "b": None}, {"a": 0.5, "b": 2.0}]
    other: list[dict[str, float | None]] = [{"a": 1.0, "b": None}, {"a": 0.5, "b": 1.75}]
    assert largest_difference(one, other) == 0.25


def test_a_process_is_measured_from_start_to_end(tmp_path: Path) -> None:
    cost = run_measured([sys.executable, "-c", "bytearray(50_000_000)"], {}, tmp_path)
    assert cost.seconds > 0
    assert cost.processor_seconds > 0
    assert cost.peak_memory_bytes > 50_000_000


def test_a_command_that_fails_ends_the_benchmark_with_its_output(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="out of sentences"):
        run_measured([sys.executable, "-c", "exit('out of sentences')"], {}, tmp_path)


def test_the_script_with_trainer_receives_the_same_sentences_phases_and_rates() -> None:
    job = trainer_job(REQUEST, fastest=False)
    limits = {"sentiment": 40, "ner": 40}
    train = load_dataset("sample", ANY_FILE, limits).train
    assert [(each["text"], each["words"]) for each in job["train"]] == [
        (each.text, each.words) for each in train
    ]
    assert len(job["validation"]) == 400
    assert [phase["steps"] for phase in job["phases"]] == [4, 4, 3, 4]
    first, second, *_ = job["phases"]
    assert set(first["rates"]) == {"classifier.weight", "classifier.bias", "ner.weight", "ner.bias"}
    assert set(first["rates"]) < set(second["rates"])
    assert not set(first["rates"]) & set(first["frozen"])
    assert first["rate_factors"] == [1.0, 0.75, 0.5, 0.25]


def test_the_script_with_trainer_imports_nothing_of_freeze_lab() -> None:
    script = Path(__file__).parents[1] / "benchmarks" / "trainer_side.py"
    lines = script.read_text(encoding="utf-8").splitlines()
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    assert imports
    assert not [line for line in imports if "mtl_core" in line or "benchmarks" in line]
