"""How often the test between plans is wrong: the numbers that Compare and the note give."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.a_a_trials import Row, judged, judged_against_baseline, markdown, measured
from benchmarks.simulated_answers import Design, simulated_counts, true_score
from mtl_core.analysis.marks import Marks
from mtl_core.analysis.paired.intervals import differences_from, differences_from_fixed
from mtl_core.analysis.paired.scores import pseudo_values, seed_score
from mtl_core.analysis.plans import PlanResult, Verdict
from mtl_core.report.table import (
    FALSE_POSITIVES,
    TRIALS,
    TRIALS_COMMAND,
    error_rate_words,
)
from tests.grouped_story import grouped, plan_result, task_result

ROOT = Path(__file__).parents[2]
DECISION = ROOT / "docs" / "decisions" / "0034-simultaneous-intervals.md"


def with_verdict(label: str, verdict: Verdict) -> PlanResult:
    result = replace(task_result(0, 0.7, 0.8, 0.9), verdict=verdict)
    return replace(plan_result(label, 10.0), tasks={result.task.name: result})


@pytest.mark.parametrize(("plans", "seeds"), FALSE_POSITIVES)
def test_each_number_is_what_the_command_measures(plans: int, seeds: int) -> None:
    equal = Row("equal", Design(plans=plans, seeds=seeds))
    assert measured(equal, TRIALS)["called"] == FALSE_POSITIVES[plans, seeds]


@pytest.mark.parametrize("metric", ["accuracy", "entity F1"])
def test_trials_are_judged_as_freeze_lab_judges_runs(metric: str) -> None:
    row = Row("equal", Design(metric, plans=3, seeds=4, sentences=50, spread=0.8, lower=0.2))
    counts = simulated_counts(row.design, 40, np.random.default_rng(3))
    found = judged(row, pseudo_values(counts))[2]
    for trial, below in zip(counts, found, strict=True):
        plans = [
            {seed: seed_score(Marks(tuple(range(50)), of_seed)) for seed, of_seed in enumerate(p)}
            for p in trial
        ]
        means = [np.mean([score.value for score in plan.values()]) for plan in plans]
        against = differences_from(dict(enumerate(plans)), int(np.argmax(means)))
        assert below == (2 in against and against[2].high < 0)
    assert 0 < found.sum() < 40


@pytest.mark.parametrize("metric", ["accuracy", "entity F1"])
def test_trials_against_a_baseline_are_judged_as_freeze_lab_judges_runs(metric: str) -> None:
    design = Design(metric, plans=3, seeds=4, sentences=50, last_spread=0.0, lower=0.15)
    row = Row("baseline", design, baseline=True)
    counts = simulated_counts(design, 40, np.random.default_rng(3))
    found = judged_against_baseline(row, pseudo_values(counts))[2]
    places = tuple(range(50))
    for trial, above in zip(counts, found, strict=True):
        *plans, baseline = [
            {seed: seed_score(Marks(places, of_seed)) for seed, of_seed in enumerate(plan)}
            for plan in trial
        ]
        of_plans = differences_from_fixed(dict(enumerate(plans)), {"words": baseline[0]})["words"]
        assert above == (0 in of_plans and of_plans[0].low > 0)
    assert 0 < found.sum() < 40


@pytest.mark.parametrize("metric", ["accuracy", "entity F1"])
def test_simulated_plans_have_the_true_scores_that_the_design_states(metric: str) -> None:
    design = Design(metric, plans=2, seeds=20, sentences=400, last_spread=0.6, lower=0.05)
    counts = simulated_counts(design, 100, np.random.default_rng(5))
    first, last = pseudo_values(counts).mean(axis=(0, 2, 3))
    ease = 1.7 if metric == "accuracy" else 0.5
    assert first == pytest.approx(true_score(design, ease, design.spread), abs=0.005)
    assert first - last == pytest.approx(0.05, abs=0.005)


def test_interrupted_trials_continue_after_the_rows_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    row = measured(Row("equal", Design(seeds=2)), 20)
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    command = [sys.executable, "benchmarks/a_a_trials.py", "--table", "--output", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == markdown([row]).splitlines()
    assert done.stdout.splitlines()[2].startswith(
        "| equal | accuracy | 2 | 2 | 200 | 0.0 |  | 20 |"
    )


def test_the_short_version_of_the_trials_errs_in_no_row_beyond_the_stated_rate() -> None:
    from benchmarks.a_a_trials import quick_rows

    for row in quick_rows():
        found = measured(row, 300)
        assert found["called"] <= 0.06
        assert found["for_the_last"] <= 0.06
        if row.name == "margin":
            assert found["equivalent"] <= 0.06
        if row.name == "power":
            assert found["found"] >= 0.8


def test_the_command_is_a_file_of_this_folder_and_the_decision_names_it() -> None:
    python, script = TRIALS_COMMAND.split()
    assert python == "python"
    assert (ROOT / script).is_file()
    assert TRIALS_COMMAND in DECISION.read_text(encoding="utf-8")


def test_the_decision_gives_the_same_numbers() -> None:
    text = DECISION.read_text(encoding="utf-8")
    for (plans, seeds), share in FALSE_POSITIVES.items():
        assert f"| equal | accuracy | {plans} | {seeds} | {share:.3f} |" in text


@pytest.mark.parametrize("verdict", [Verdict.UNDECIDED, Verdict.BELOW])
def test_a_comparison_that_was_judged_says_how_often_the_test_is_wrong(verdict: Verdict) -> None:
    plans = with_verdict("full", Verdict.BEST), with_verdict("top layer", verdict)
    words = error_rate_words(grouped(*plans))
    assert "of two plans in 0.1 % with three seeds and 1.5 % with five" in words
    assert "of six plans in 0 % with three seeds and 0.1 % with five." in words


@pytest.mark.parametrize("verdict", [Verdict.BEST, Verdict.OPEN])
def test_without_a_test_its_error_rate_is_not_shown(verdict: Verdict) -> None:
    assert error_rate_words(grouped(with_verdict("full", verdict))) == ""
