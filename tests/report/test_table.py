from dataclasses import replace

import pytest

from mtl_core.analysis.outcomes import against
from mtl_core.analysis.paired.components import Components
from mtl_core.analysis.paired.intervals import PairedDifference
from mtl_core.analysis.plans import PlanComparison, PlanResult, Verdict
from mtl_core.charts.pareto import Cost
from mtl_core.charts.pareto_labels import BaselineLine
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.finding import comparison_headline
from mtl_core.report.front import front_panel, front_title
from mtl_core.report.table import (
    count_word,
    sorted_plans,
    sorting_task,
    table_rule,
    table_title,
)
from mtl_core.report.undecided import undecided_lines, undecided_words
from tests.grouped_story import grouped, plan_result

COSTS = (("cheap", 10.0), ("middle", 100.0), ("dear", 1000.0))
SCORES = {"cheap": 0.70, "middle": 0.88, "dear": 0.90}
LESS = PairedDifference(-0.1, -0.2, -0.05, 3, 200)


def judged(**verdicts: Verdict) -> PlanComparison:
    """Three plans; each has the verdict given on the first task, and none on the second."""
    plans = []
    for label, seconds in COSTS:
        mean = SCORES[label]
        plan = plan_result(label, seconds, [(mean, mean, mean), (0.4, 0.4, 0.4)])
        if label in verdicts:
            first = replace(plan.tasks["sentiment"], verdict=verdicts[label], against_best=LESS)
            plan = replace(plan, tasks={**plan.tasks, "sentiment": first})
        plans.append(plan)
    return grouped(*plans)


def title(comparison: PlanComparison) -> str:
    return front_title(comparison, "sentiment", COSTS, "time")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ({}, "highest with dear"),
        (
            {"cheap": Verdict.BELOW, "middle": Verdict.BELOW, "dear": Verdict.BEST},
            "dear is 0.02 above the next",
        ),
        (
            {"cheap": Verdict.BELOW, "middle": Verdict.EQUIVALENT, "dear": Verdict.BEST},
            "more time than middle brings no gain beyond the margin",
        ),
        (
            {"cheap": Verdict.EQUIVALENT, "middle": Verdict.BELOW, "dear": Verdict.BEST},
            "cheap, the cheapest, is equivalent to dear",
        ),
        (
            {"cheap": Verdict.UNDECIDED, "middle": Verdict.BELOW, "dear": Verdict.BEST},
            "highest with dear, 1 undecided",
        ),
        (
            {"cheap": Verdict.UNDECIDED, "middle": Verdict.EQUIVALENT, "dear": Verdict.BEST},
            "middle is equivalent to dear, 1 undecided",
        ),
    ],
)
def test_a_front_is_titled_by_the_cheapest_plan_that_is_as_good_as_the_best(
    verdicts: dict[str, Verdict], expected: str
) -> None:
    assert title(judged(**verdicts)) == expected


def test_a_front_of_seconds_names_the_plans_that_other_runs_slowed() -> None:
    comparison = judged()
    cheap, middle, dear = comparison.plans
    plans = (cheap, replace(middle, trained_beside=2), dear)
    shown = ComparedRuns((), (), replace(comparison, plans=plans))
    task = comparison.tasks[0]
    seconds = front_panel(shown, 0, task, Cost.SECONDS, ()).caption
    assert seconds.endswith("Other runs were trained at the same time, which takes longer: middle.")
    assert "Other runs" not in front_panel(shown, 0, task, Cost.MEMORY, ()).caption


def test_nothing_beats_the_cheapest_only_where_it_is_the_best() -> None:
    costs = (("dear", 1.0), ("middle", 10.0), ("cheap", 100.0))
    tied = judged(cheap=Verdict.BELOW, middle=Verdict.EQUIVALENT, dear=Verdict.BEST)
    assert (
        front_title(tied, "sentiment", costs, "time") == "the cheapest plan, dear, is also the best"
    )
    in_doubt = judged(cheap=Verdict.UNDECIDED, middle=Verdict.EQUIVALENT, dear=Verdict.BEST)
    assert front_title(in_doubt, "sentiment", costs, "time") == (
        "dear is equivalent to middle, 1 undecided"
    )
    costs = (("cheap", 1.0), ("dear", 10.0), ("middle", 100.0))
    assert front_title(tied, "sentiment", costs, "time") == "more time than dear brings no gain"


def test_a_front_below_a_bag_of_words_recommends_no_plan() -> None:
    plans = judged(cheap=Verdict.BELOW, middle=Verdict.EQUIVALENT, dear=Verdict.BEST)
    below = {plan.label: against(LESS, 0.03) for plan in plans.plans}
    words = [BaselineLine("bag of words", 0.93, below)]
    assert front_title(plans, "sentiment", COSTS, "time", words) == (
        "no plan beats a bag of words, 0.93"
    )


def test_a_front_of_one_finished_plan_says_what_will_stand_there() -> None:
    one = grouped(plan_result("cheap", 10.0), plan_result("middle", None, []))
    assert title(one) == "a point for each plan that has finished"


def test_a_single_plan_is_described_by_its_mean() -> None:
    one = grouped(plan_result("top 2 layers", 10.0))
    costs = (("top 2 layers", 10.0),)
    assert front_title(one, "sentiment", costs, "time") == "top 2 layers reach 0.85"
    assert table_title(one) == "Scores and costs"
    assert table_rule(one) == "Means over seeds 1, 2, 3."


def test_the_rule_explains_the_marks_that_stand_in_the_table_and_no_others() -> None:
    two = [plan_result(label, 1.0, [(0.7, 0.7, 0.7)]) for label in ("a", "b")]

    def rule(verdict: Verdict) -> str:
        first, second = (
            replace(
                plan,
                tasks={
                    "sentiment": replace(
                        plan.tasks["sentiment"], verdict=each, against_best=LESS, margin=0.03
                    )
                },
            )
            for plan, each in zip(two, (Verdict.BEST, verdict), strict=True)
        )
        return table_rule(grouped(first, second)).removeprefix("Means over seeds 1, 2, 3. ")

    intervals = "Intervals: 95 % for all pairs of plans together, over seeds and sentences. "
    assert rule(Verdict.OPEN) == (
        "Not tested: fewer than two shared seeds, no known variance, or better than the best on "
        "the seeds that both have."
    )
    assert rule(Verdict.BELOW) == (
        f"{intervals}A number such as −0.100 is the difference of a plan that is below the best."
    )
    assert rule(Verdict.EQUIVALENT) == (
        f"{intervals}≈ equivalent: the difference from the best is within ± 0.03 accuracy."
    )
    assert rule(Verdict.UNDECIDED) == (
        f"{intervals}? undecided: neither a difference nor equivalence within ± 0.03 accuracy was "
        "shown."
    )


def test_the_answer_is_the_finding_once_two_plans_have_a_score() -> None:
    apart = judged(cheap=Verdict.BELOW, middle=Verdict.BELOW, dear=Verdict.BEST)
    assert comparison_headline(apart).startswith("Sentiment: dear beats all others. NER: ")
    one = grouped(plan_result("a", 1.0), plan_result("b", None))
    assert comparison_headline(one).startswith("Waiting for results: 1 of 2 plans has finished")


def test_the_table_is_sorted_by_the_task_that_tells_most_plans_apart() -> None:
    some = judged(cheap=Verdict.BELOW, middle=Verdict.EQUIVALENT, dear=Verdict.BEST)
    assert sorting_task(some).name == "sentiment"
    labels: list[PlanResult] = sorted_plans(some)
    assert [plan.label for plan in labels] == ["dear", "middle", "cheap"]
    assert table_title(some) == (
        "Sorted by Sentiment accuracy. Sentiment: one equivalent to the best"
    )


def test_an_undecided_plan_is_described_with_what_would_decide() -> None:
    parts = Components(-0.01, 5, 200, 0.0005, 0.0004, 0.0003)
    difference = PairedDifference(-0.01, -0.07, 0.05, 5, 200, 0.05, parts)
    plans = judged(cheap=Verdict.BELOW, middle=Verdict.UNDECIDED, dear=Verdict.BEST)
    _, middle, _ = plans.plans
    result = replace(middle.tasks["sentiment"], against_best=difference, margin=0.03)
    assert undecided_words(result) == (
        "undecided at −0.010 (−0.070 to +0.050). These seeds and sentences find a difference "
        "of 0.057 in 80 % of cases. About 11,000 sentences would be enough to decide."
    )
    assert len(undecided_lines(plans)) == 1
    assert undecided_lines(plans)[0].startswith("Sentiment, middle: undecided")


def test_small_numbers_are_words() -> None:
    assert (count_word(4), count_word(12)) == ("four", "12")
