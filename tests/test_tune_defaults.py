"""The search for default rates: resumed where it stopped, and blind to the test split."""

import json
from pathlib import Path

import pytest
import yaml

from benchmarks.tune_defaults import (
    GRIDS,
    SCENARIOS,
    Candidate,
    Finished,
    Trial,
    append,
    around_the_best,
    choice,
    markdown,
    planned,
    read,
    refined,
    search,
    standard_error,
    without_test,
)
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.rates import Rates
from mtl_core.tasks.dataset import load_dataset


@pytest.fixture
def judged(tiny_data: Path, tmp_path: Path) -> Path:
    """The tiny data with test files that cannot be read as data."""
    manifest = yaml.safe_load(tiny_data.read_text())
    folder = tmp_path / "judged"
    folder.mkdir()
    for task in manifest["tasks"].values():
        for split in ("train", "validation"):
            (folder / task[split]).write_bytes((tiny_data.parent / task[split]).read_bytes())
        task["test"] = f"test.{task['validation']}"
        (folder / task["test"]).write_text("neither a table nor tags\n")
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    return folder / "manifest.yaml"


def short(checkpoint: Path, data: Path) -> list[Trial]:
    """Two scenarios with two trials each."""
    values = {"checkpoint": str(checkpoint), "data": str(data), "epochs": 1.0}
    return list(planned(("heads-only", "top-1"), seeds=(100,), points=2, **values))


def test_the_search_needs_no_readable_test_split_and_is_resumed(
    tiny_checkpoint: Path, judged: Path, tmp_path: Path
) -> None:
    file, trials = tmp_path / "trials.jsonl", short(tiny_checkpoint, judged)
    search(trials[:2], file)
    first = file.read_text()
    with file.open("a") as lines:
        lines.write('{"scenario": "top-1", "enc')  # the process was killed while it wrote

    search(trials, file)

    assert [each.trial for each in read(file)] == trials
    assert file.read_text().startswith(first)
    for each in read(file):
        assert set(each.scores) == {"sentiment", "ner"}
        assert all(0 <= score <= 1 for score in each.scores.values())
    before = file.read_text()
    search(trials, file)
    assert file.read_text() == before
    assert markdown(read(file), trials).count("chosen |") == 2


def test_the_copy_of_the_data_has_no_test_split(tmp_path: Path) -> None:
    copy = load_dataset(str(without_test("sample", tmp_path)), ANY_FILE)
    sample = load_dataset("sample", ANY_FILE)

    assert sample.test
    assert copy.test == ()
    assert (copy.train, copy.validation) == (sample.train, sample.validation)
    assert not [file for file in tmp_path.rglob("*") if "test" in file.name]


def test_every_scenario_has_the_same_number_of_trials() -> None:
    trials = list(planned(SCENARIOS))
    counts = {name: sum(each.scenario == name for each in trials) for name in SCENARIOS}

    assert set(counts.values()) == {18}
    assert len(set(trials)) == len(trials)
    assert all(len(set(grid)) == 9 for grid in GRIDS.values())


def grid(encoders: list[float], heads: list[float], *means: float) -> list[Candidate]:
    pairs = ((encoder, head) for encoder in encoders for head in heads)
    return [Candidate(Rates(*pair), (mean,)) for pair, mean in zip(pairs, means, strict=True)]


INSIDE = grid(
    [1e-4, 3e-4, 1e-3], [1e-3, 3e-3, 1e-2], *[0.1, 0.5, 0.1], *[0.6, 0.8, 0.7], *[0.4] * 3
)
CORNER = grid([1e-4, 3e-4, 1e-3], [1e-3, 3e-3, 1e-2], *[0.5] * 3, *[0.5] * 3, 0.8, 0.5, 0.6)
HEADS = grid([3e-4], [1e-3, 3e-3, 1e-2, 3e-2], 0.5, 0.6, 0.8, 0.7)
EDGE = grid([3e-4], [1e-3, 3e-3, 1e-2], 0.5, 0.6, 0.8)


@pytest.mark.parametrize(
    ("found", "pairs"),
    [
        (INSIDE, [(1.7e-4, 3e-3), (3e-4, 5.5e-3), (1.7e-4, 5.5e-3)]),
        (CORNER, [(3e-3, 1e-3), (1e-3, 3.3e-4), (3e-3, 3.3e-4)]),
        (HEADS, [(3e-4, 5.5e-3), (3e-4, 1.7e-2), (3e-4, 9e-2)]),
        (EDGE, [(3e-4, 5.5e-3), (3e-4, 3e-2), (3e-4, 9e-2)]),
    ],
    ids=["inside", "corner", "heads alone", "heads alone at the edge"],
)
def test_three_more_pairs_lie_around_the_best_of_the_grid(
    found: list[Candidate], pairs: list[tuple[float, float]]
) -> None:
    assert [(each.encoder, each.heads) for each in around_the_best(found)] == pairs


def test_a_scenario_is_refined_with_all_seeds_once_its_grid_has_finished() -> None:
    first = list(planned(("full", "top-2")))
    full = [Finished(each, {"ner": 0.5}, 1.0) for each in first if each.scenario == "full"]

    found = list(refined([*full, Finished(first[-1], {"ner": 0.5}, 1.0)], first))
    assert [(each.scenario, each.seed) for each in found] == [("full", 100), ("full", 101)] * 3
    assert not set(found) & set(first)


def test_the_lowest_rates_within_one_standard_error_of_the_best_are_chosen() -> None:
    low = Candidate(Rates(1e-4, 1e-3), (0.70, 0.72))
    middle = Candidate(Rates(3e-4, 1e-2), (0.79, 0.80))
    lower_heads = Candidate(Rates(3e-4, 1e-3), (0.80, 0.79))
    best = Candidate(Rates(1e-3, 1e-3), (0.79, 0.81))
    collapsed = Candidate(Rates(1e-3, 1e-2), (0.9, 0.1))
    found = [low, middle, lower_heads, best, collapsed]

    # variances .0002, .00005, .00005, .0002 and .32: the median is .0002
    assert standard_error(found) == pytest.approx(0.01)
    assert choice(found) == lower_heads
    assert choice([low, best]) == best


def test_without_all_its_trials_a_scenario_has_no_choice() -> None:
    trials = list(planned(("full",)))
    scores = {"sentiment": 0.5, "ner": 0.7}
    done = [Finished(each, scores, 1.0) for each in trials[:-1]]

    table = markdown(done, trials)
    assert "| full | 17 of 18 | 0.0001 / 0.01 | not finished |" in table
    assert "chosen |" not in table
    complete = markdown([*done, Finished(trials[-1], scores, 1.0)], trials)
    row = "| full | 18 of 18 | 0.0001 / 0.01 | 0.0001 / 0.001 | 0.6000 | 0.6000 | 0.0000 |"
    assert row in complete


def test_a_trial_is_one_line_of_json(tmp_path: Path) -> None:
    (trial, *_) = planned(("full",))
    append(tmp_path / "trials.jsonl", Finished(trial, {"sentiment": 0.5}, 1.239))

    assert json.loads((tmp_path / "trials.jsonl").read_text()) == {
        "scenario": "full",
        "encoder": 1e-4,
        "heads": 1e-3,
        "seed": 100,
        "checkpoint": "minilm-l6",
        "data": "sample",
        "epochs": 3.0,
        "scores": {"sentiment": 0.5},
        "seconds": 1.24,
    }
