from collections.abc import Mapping
from dataclasses import replace

import pytest

from mtl_core.analysis.by_size import group_by_size
from mtl_core.analysis.outcomes import against
from mtl_core.analysis.paired.intervals import PairedDifference
from mtl_core.analysis.plans import PlanComparison, PlanResult, TaskResult, Verdict
from mtl_core.charts.pareto_labels import BaselineLine
from mtl_core.report.baselines import baseline_lines
from mtl_core.report.finding import finding, since, sizes_finding, task_finding
from mtl_core.tasks.task import DEFAULT_TASKS
from tests.sized_story import of_two_plans, summaries_of

TITLES = {"sentiment": "Sentiment", "ner": "NER"}
BEST, EQUIVALENT, BELOW = Verdict.BEST, Verdict.EQUIVALENT, Verdict.BELOW
UNDECIDED, OPEN = Verdict.UNDECIDED, Verdict.OPEN

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
        {"heads only": (0.7, BELOW), "top layer": (0.89, BEST), "full": (0.88, EQUIVALENT)},
        {"heads only": (0.3, BELOW), "top layer": (0.5, BELOW), "full": (0.6, BEST)},
        {"heads only": 5.0, "top layer": 10.0, "full": 50.0} if times is None else times,
    )


def words_against(*effects: float | None, reach: float = 0.06) -> BaselineLine:
    """A bag of words at 0.89, and how much each of the three plans is above it; None: one seed."""
    labels = [plan.label for plan in three().plans]
    found = {
        label: against(None if each is None else interval(each, reach), 0.03)
        for label, each in zip(labels, effects, strict=True)
    }
    return BaselineLine("bag of words", 0.89, found)


def interval(effect: float, reach: float) -> PairedDifference:
    return PairedDifference(effect, effect - reach, effect + reach, 3, 200)


def test_the_line_states_which_plan_is_equivalent_to_which_and_in_what_time() -> None:
    times = {"heads only": 5.0, "top layer": 10.0, "full": 50.0}
    titles = {"sentiment": "Mood", "ner": "NER"}
    comparison = three(times)
    assert task_finding(comparison, "sentiment") == (
        "top layer (best) is equivalent to full, in a fifth of the time"
    )
    assert finding(comparison, titles) == (
        "Mood: top layer (best) is equivalent to full, in a fifth of the time. "
        "NER: full beats all others"
    )


def test_a_line_too_long_is_shown_without_times() -> None:
    titles = {"sentiment": "Sentiment of whole reviews", "ner": "NER"}
    assert finding(three(), titles) == (
        "Sentiment of whole reviews: top layer (best) is equivalent to full. "
        "NER: full beats all others"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (46.0, "top layer (best) is equivalent to full"),
        (40.0, "top layer (best) is equivalent to full, in 80 % of the time"),
        (25.0, "top layer (best) is equivalent to full, in half of the time"),
        (5.0, "top layer (best) is equivalent to full, in a tenth of the time"),
        (2.5, "top layer (best) is equivalent to full, in 1/20 of the time"),
        (200.0, "full is equivalent to top layer, in a quarter of the time"),
        (50.0, "2 of 3 plans are equivalent"),
    ],
)
def test_the_cheaper_of_equivalent_plans_is_named_with_its_share_of_the_time(
    seconds: float, words: str
) -> None:
    times = {"heads only": 5.0, "top layer": seconds, "full": 50.0}
    assert task_finding(three(times), "sentiment") == words


def test_the_cheapest_is_named_with_the_best_against_which_it_was_tested() -> None:
    five = {
        "top layer": (0.908, EQUIVALENT),
        "discriminative rates": (0.91, BEST),
        "full": (0.89, EQUIVALENT),
    }
    seconds = {"top layer": 10.0, "discriminative rates": 40.0, "full": 47.0}
    comparison = compared(five, five, seconds)
    assert task_finding(comparison, "sentiment") == (
        "top layer is equivalent to discriminative rates, in a quarter of the time"
    )


def test_the_cheapest_that_is_the_best_is_named_with_the_next_equivalent_plan() -> None:
    plans = {
        "heads only": (0.67, BEST),
        "full": (0.66, EQUIVALENT),
        "top layer": (0.65, EQUIVALENT),
    }
    seconds = {"heads only": 5.0, "full": 50.0, "top layer": 100.0}
    assert task_finding(compared(plans, plans, seconds), "ner") == (
        "heads only (best) is equivalent to full, in a tenth of the time"
    )


def test_an_undecided_plan_is_never_the_cheaper_choice() -> None:
    seconds = {"heads only": 1.0, "top layer": 10.0, "full": 50.0}
    one = {"heads only": (0.6, BELOW), "top layer": (0.65, UNDECIDED), "full": (0.67, BEST)}
    assert task_finding(compared(one, one, seconds), "ner") == (
        "undecided between full and top layer"
    )
    two = {"heads only": (0.6, UNDECIDED), "top layer": (0.65, UNDECIDED), "full": (0.67, BEST)}
    assert task_finding(compared(two, two, seconds), "ner") == "full leads, 2 undecided"
    mixed = {"heads only": (0.6, UNDECIDED), "top layer": (0.66, EQUIVALENT), "full": (0.67, BEST)}
    assert task_finding(compared(mixed, mixed, seconds), "ner") == (
        "top layer is equivalent to full, in a fifth of the time, 1 undecided"
    )


def test_without_times_equivalent_plans_are_counted() -> None:
    assert task_finding(three({"full": 3.0}), "sentiment") == "2 of 3 plans are equivalent"


def test_of_two_plans_one_beats_the_other_or_is_not_tested_or_not_measured() -> None:
    comparison = compared(
        {"a": (0.9, BEST), "b": (0.8, BELOW)}, {"a": (0.9, BEST), "b": (0.8, OPEN)}, {}
    )
    assert finding(comparison, TITLES) == "Sentiment: a beats b. NER: a is highest (not tested)"
    comparison = compared(
        {"a": (0.9, OPEN), "b": (None, OPEN)}, {"a": (1, BEST), "b": (1, EQUIVALENT)}, {}
    )
    assert finding(comparison, TITLES) == (
        "Sentiment: fewer than two plans have a score. NER: 2 of 2 plans are equivalent"
    )


def test_a_baseline_that_no_plan_exceeds_is_the_result() -> None:
    words, majority = words_against(-0.1, -0.1, -0.1), BaselineLine("majority class", 0.52)
    lines = {"sentiment": [majority, words, BaselineLine("untrained heads", 0.95)]}
    assert finding(three(), TITLES, lines) == (
        "Sentiment: no plan beats a bag of words, 0.89. NER: full beats all others"
    )
    beaten = task_finding(three(), "sentiment", {"sentiment": [majority]})
    assert beaten.startswith("top layer (best) is equivalent")
    untested = {"ner": [BaselineLine("majority class", 0.7)]}
    assert task_finding(three(), "ner", untested) == (
        "no plan is above the majority class, 0.70 (not tested)"
    )


@pytest.mark.parametrize(
    ("effects", "words"),
    [
        ((-0.1, 0.1, -0.1), "top layer (best) is equivalent to full, in a fifth of the time"),
        (
            (-0.1, 0.0, 0.02),
            "undecided whether top layer, 0.89, beats a bag of words, 0.89 (3 seeds)",
        ),
        ((-0.1, -0.1, None), "no plan is above a bag of words, 0.89 (not tested)"),
        ((-0.1, -0.1, -0.1), "no plan beats a bag of words, 0.89"),
    ],
)
def test_the_intervals_decide_whether_any_plan_beats_a_bag_of_words(
    effects: tuple[float | None, ...], words: str
) -> None:
    lines = {"sentiment": [words_against(*effects)]}
    assert task_finding(three(), "sentiment", lines) == words


def test_a_plan_equivalent_to_a_bag_of_words_does_not_beat_it() -> None:
    lines = {"sentiment": [words_against(-0.1, 0.01, -0.1, reach=0.005)]}
    assert task_finding(three(), "sentiment", lines) == "no plan beats a bag of words, 0.89"
    assert baseline_lines(three(), lines) == (
        "Sentiment, against a bag of words, 0.890: heads only below, −0.100 (−0.105 to −0.095); "
        "top layer equivalent, +0.010 (+0.005 to +0.015); full below, −0.100 (−0.105 to −0.095).",
    )
    assert baseline_lines(three(), {"sentiment": [BaselineLine("bag of words", 0.9)]}) == ()


def test_the_reason_why_plans_cannot_be_compared_is_first() -> None:
    assert finding(PlanComparison((), (), (), True, ()), TITLES) == "Choose two runs or more"
    assert finding(replace(three(), plans=three().plans[:1]), TITLES) == (
        "Choose another run to compare"
    )
    assert finding(replace(three(), same_sentences=False), TITLES) == (
        "These 3 plans were evaluated on different sentences: their scores cannot be compared"
    )
    assert finding(replace(three(), beyond_plan=("epochs", "a", "b", "c")), TITLES) == (
        "These 3 plans differ in more than the plan: epochs, a, b and more"
    )


def test_layers_are_equivalent_and_a_layer_is() -> None:
    plans = {"top 2 layers": (0.88, EQUIVALENT), "full": (0.89, BEST)}
    comparison = compared(plans, plans, {"top 2 layers": 46.0, "full": 50.0})
    assert task_finding(comparison, "ner") == "top 2 layers are equivalent to full"


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
