"""How often the paired test is wrong: the numbers that Compare and the note give are measured."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.a_a_trials import ROWS, EqualPlans, markdown, row, share_called
from mtl_core.analysis.plans import PlanResult, Verdict
from mtl_core.report.table import (
    FALSE_POSITIVES,
    TRIALS,
    TRIALS_COMMAND,
    error_rate_words,
)
from tests.grouped_story import grouped, plan_result, task_result

ROOT = Path(__file__).parents[2]
DECISION = ROOT / "docs" / "decisions" / "0017-within-noise-by-a-paired-test.md"


def with_verdict(label: str, verdict: Verdict) -> PlanResult:
    result = replace(task_result(0, 0.7, 0.8, 0.9), verdict=verdict)
    return replace(plan_result(label, 10.0), tasks={result.task.name: result})


@pytest.mark.parametrize(("plans", "seeds"), FALSE_POSITIVES)
def test_each_number_is_what_the_command_measures(plans: int, seeds: int) -> None:
    equal = EqualPlans(plans=plans, seeds=seeds)
    assert equal in ROWS
    assert share_called(equal, TRIALS) == FALSE_POSITIVES[plans, seeds]


def test_the_command_is_a_file_of_this_folder_and_the_decision_names_it() -> None:
    python, script = TRIALS_COMMAND.split()
    assert python == "python"
    assert (ROOT / script).is_file()
    assert TRIALS_COMMAND in DECISION.read_text(encoding="utf-8")


def test_the_decision_gives_the_same_numbers() -> None:
    text = DECISION.read_text(encoding="utf-8")
    for share in FALSE_POSITIVES.values():
        assert f"| {TRIALS:,} | {share:.3f} |" in text


@pytest.mark.parametrize("verdict", [Verdict.WITHIN_NOISE, Verdict.BELOW])
def test_a_comparison_that_was_judged_says_how_often_the_test_is_wrong(verdict: Verdict) -> None:
    plans = with_verdict("full", Verdict.BEST), with_verdict("top layer", verdict)
    said = error_rate_words(grouped(*plans))
    assert "for two plans 0.4 % with three seeds and 3.4 % with five" in said
    assert "any of six plans in 1.5 % and 4.3 %" in said
    assert "With one seed each 16.4 %" in said


@pytest.mark.parametrize("verdict", [Verdict.BEST, Verdict.OPEN])
def test_without_a_test_its_error_rate_is_not_shown(verdict: Verdict) -> None:
    assert error_rate_words(grouped(with_verdict("full", verdict))) == ""


def test_trials_are_printed_as_a_table_that_leaves_out_what_no_row_has() -> None:
    rows = [row(EqualPlans(seeds=2), 50), row(EqualPlans(plans=3, seeds=2), 50)]
    assert markdown(rows).splitlines() == [
        "| plans | seeds | seed shift | trials | called |",
        "|--:|--:|--:|--:|--:|",
        "| 2 | 2 | 0.15 | 50 | 0.000 |",
        f"| 3 | 2 | 0.15 | 50 | {rows[1]['called']:.3f} |",
    ]
