from collections.abc import Mapping
from dataclasses import replace

import pytest

from mtl_core.analysis.by_size import group_by_size
from mtl_core.analysis.plans import PlanComparison, PlanResult, TaskResult, Verdict
from mtl_core.report.finding import finding, since, sizes_finding, task_finding
from mtl_core.tasks.task import DEFAULT_TASKS
from tests.sized_story import of_two_plans, summaries_of

TITLES = {"sentiment": "Sentiment", "ner": "NER"}
BEST, TIED, BELOW, OPEN = Verdict.BEST, Verdict.WITHIN_NOISE, Verdict.BELOW, Verdict.OPEN

Column = Mapping[str, tuple[float | None, Verdict]]


def compared(sentiment: Column, ner: Column, seconds: Mapping[str, float]) -> PlanComparison:
    columns = {"sentiment": sentiment, "ner": ner}
    plans = tuple(
        PlanResult(
            label=label,
            scenario=label,
            runs={},
            tasks={
                task.name: TaskResult(
                    task, columns[task.name][label][0], None, None, None, 3,
                    columns[task.name][label][1],
                )
                for task in DEFAULT_TASKS
            },
            seconds=seconds.get(label),
            peak_memory_bytes=None,
            trainable=None,
            total=None,
            frozen_exact=True,
        )
        for label in sentiment
    )  # fmt: skip
    return PlanComparison(plans, DEFAULT_TASKS, (0, 1, 2), True, ())


def three(times: Mapping[str, float] | None = None) -> PlanComparison:
    return compared(
        {"heads only": (0.7, BELOW), "top layer": (0.89, BEST), "full": (0.88, TIED)},
        {"heads only": (0.3, BELOW), "top layer": (0.5, BELOW), "full": (0.6, BEST)},
        {"heads only": 5.0, "top layer": 10.0, "full": 50.0} if times is None else times,
    )


def test_the_line_says_who_ties_with_whom_and_in_what_time() -> None:
    assert finding(three(), TITLES) == (
        "Sentiment: top layer ties with full, in a fifth of the time. NER: full beats all others"
    )


def test_a_line_too_long_gives_up_its_times() -> None:
    titles = {"sentiment": "Sentiment of a whole review", "ner": "NER"}
    assert finding(three(), titles) == (
        "Sentiment of a whole review: top layer ties with full. NER: full beats all others"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (46.0, "top layer ties with full"),
        (40.0, "top layer ties with full, in 80 % of the time"),
        (25.0, "top layer ties with full, in half of the time"),
        (5.0, "top layer ties with full, in a tenth of the time"),
        (2.5, "top layer ties with full, in 1/20 of the time"),
        (200.0, "full ties with top layer, in a quarter of the time"),
        (50.0, "2 of 3 plans tie"),
    ],
)
def test_a_tie_names_the_cheaper_and_its_part_of_the_time(seconds: float, words: str) -> None:
    times = {"heads only": 5.0, "top layer": seconds, "full": 50.0}
    assert task_finding(three(times), "sentiment") == words


def test_the_cheapest_ties_with_the_best_and_with_no_plan_it_was_not_tested_against() -> None:
    five = {"top layer": (0.908, TIED), "discriminative rates": (0.91, BEST), "full": (0.89, TIED)}
    seconds = {"top layer": 10.0, "discriminative rates": 40.0, "full": 47.0}
    comparison = compared(five, five, seconds)
    assert task_finding(comparison, "sentiment") == (
        "top layer ties with discriminative rates, in a quarter of the time"
    )


def test_the_cheapest_that_is_the_best_ties_with_the_next() -> None:
    three_tied = {"heads only": (0.67, BEST), "full": (0.66, TIED), "top layer": (0.65, TIED)}
    seconds = {"heads only": 5.0, "full": 50.0, "top layer": 100.0}
    assert task_finding(compared(three_tied, three_tied, seconds), "ner") == (
        "heads only ties with full, in a tenth of the time"
    )


def test_three_plans_with_equal_means_are_all_named() -> None:
    equal = {"heads only": (0.67, BEST), "full": (0.67, BEST), "top layer": (0.67, BEST)}
    seconds = {"heads only": 5.0, "full": 50.0, "top layer": 100.0}
    assert task_finding(compared(equal, equal, seconds), "ner") == (
        "heads only, full and top layer tie"
    )
    four = {**equal, "top 2 layers": (0.67, BEST), "frozen": (0.5, BELOW)}
    assert task_finding(
        compared(four, four, {**seconds, "top 2 layers": 9.0, "frozen": 1.0}), "ner"
    ) == ("4 plans tie")


def test_without_times_a_tie_is_counted() -> None:
    assert task_finding(three({"full": 3.0}), "sentiment") == "2 of 3 plans tie"


def test_of_two_plans_one_beats_the_other_or_is_not_tested_or_not_measured() -> None:
    comparison = compared(
        {"a": (0.9, BEST), "b": (0.8, BELOW)}, {"a": (0.9, BEST), "b": (0.8, OPEN)}, {}
    )
    assert finding(comparison, TITLES) == "Sentiment: a beats b. NER: a is highest (not tested)"
    comparison = compared(
        {"a": (0.9, OPEN), "b": (None, OPEN)}, {"a": (1, BEST), "b": (1, BEST)}, {}
    )
    assert finding(comparison, TITLES) == (
        "Sentiment: fewer than two plans have a score. NER: 2 of 2 plans tie"
    )


def test_the_reason_why_plans_cannot_be_compared_is_first() -> None:
    assert finding(PlanComparison((), (), (), True, ()), TITLES) == "Choose two runs or more"
    assert finding(replace(three(), plans=three().plans[:1]), TITLES) == (
        "Choose another run to compare with"
    )
    assert finding(replace(three(), same_validation_set=False), TITLES) == (
        "These 3 plans were evaluated on different sentences: their scores cannot be compared"
    )
    assert finding(replace(three(), beyond_plan=("epochs", "a", "b", "c")), TITLES) == (
        "These 3 plans differ in more than the plan: epochs, a, b and more"
    )


def test_layers_tie_and_a_layer_ties() -> None:
    tied = {"top 2 layers": (0.88, TIED), "full": (0.89, BEST)}
    comparison = compared(tied, tied, {"top 2 layers": 46.0, "full": 50.0})
    assert task_finding(comparison, "ner") == "top 2 layers tie with full"


def test_plans_with_plural_names_beat_and_are_highest() -> None:
    apart = {"top 2 layers": (0.9, BEST), "full": (0.8, BELOW)}
    open_still = {"biases and heads (BitFit)": (0.9, BEST), "full": (0.8, OPEN)}
    assert task_finding(compared(apart, apart, {}), "ner") == "top 2 layers beat full"
    assert task_finding(compared(open_still, open_still, {}), "ner") == (
        "biases and heads (BitFit) are highest (not tested)"
    )


def test_the_finding_is_that_of_the_largest_number_and_from_which_on_it_holds() -> None:
    sizes = group_by_size(summaries_of(of_two_plans()))
    assert sizes_finding(sizes, TITLES) == (
        "Sentiment: full beats heads-only from 50 sentences on. "
        "NER: full beats heads-only from 50 sentences on"
    )
    assert since(sizes[1:], "ner") == "at every number"
    assert since(sizes[:1] + sizes[2:], "ner") == "given all sentences"
    assert since(sizes[:2], "ner") == "given 50 sentences"
