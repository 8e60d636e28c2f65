"""What is said of plans at several numbers of training sentences."""

from mtl_core.analysis.by_size import group_by_size
from mtl_core.report.curve import size_rows, size_title, sizes_remark, sizes_rule
from mtl_core.report.data_words import sizes_words
from mtl_core.report.finding import sizes_headline
from mtl_core.tasks.task import DEFAULT_TASKS
from tests.export.finished_run import finished
from tests.sized_story import of_two_plans, summaries_of

SENTIMENT = DEFAULT_TASKS[0]


def test_the_title_states_the_result_with_the_fewest_and_with_the_most() -> None:
    sizes = group_by_size(summaries_of(of_two_plans()))
    assert size_title(sizes, SENTIMENT) == ("both equivalent with 20 sentences, full best with all")
    assert size_title(sizes[1:], SENTIMENT) == "full best at every number of sentences"
    few, some, _ = sizes
    assert size_title((few, some, few), SENTIMENT) == (
        "both equivalent with 20 and with 20 sentences, but not at every number"
    )


def test_a_plan_within_noise_of_the_best_is_named_and_several_are_counted() -> None:
    scores = {
        "heads-only": (0.60, 0.10),
        "top-1": (0.90, 0.40),
        "top-2": (0.901, 0.60),
        "full": (0.902, 0.601),
    }
    shifts = (1.1e-2, 8e-3, 9e-3, 1e-2)  # what a seed more adds to each
    sizes = group_by_size(
        summaries_of(
            [
                finished(
                    scenario,
                    *(score + shift * (seed - 1) for score in pair),
                    seed=seed,
                    examples={} if size is None else {"sentiment": size, "ner": size},
                )
                for size in (20, None)
                for shift, (scenario, pair) in zip(shifts, scores.items(), strict=True)
                for seed in range(3)
            ]
        )
    )
    assert size_title(sizes, SENTIMENT) == "full ≈ 2 more at every number of sentences"
    assert size_title(sizes, DEFAULT_TASKS[1]) == "full ≈ top-2 at every number of sentences"


def test_a_row_is_a_plan_and_a_column_a_number_judged_for_itself() -> None:
    sizes = group_by_size(summaries_of(of_two_plans()))
    full, heads = size_rows(sizes, SENTIMENT, ranges=True)
    assert full == {
        "Plan": "full",
        "20": "0.601 (0.592 to 0.611) ✓",
        "50": "0.800 (0.791 to 0.810) ✓",
        "all": "0.900 (0.891 to 0.910) ✓",
    }
    assert heads["20"] == "0.600 (0.590 to 0.610) ≈"
    assert heads["all"] == "0.700 (0.690 to 0.710)"
    bare = size_rows(sizes, SENTIMENT, ranges=False)
    assert [row["all"].strip() for row in bare] == ["0.900 ✓", "0.700"]
    assert len({len(row["all"]) for row in bare}) == 1


def test_one_plan_is_described_by_its_ends_and_without_a_best() -> None:
    sizes = group_by_size(summaries_of(of_two_plans(["full"])))
    assert sizes_headline(sizes) == (
        "Full, 20 to all sentences: Sentiment 0.60 to 0.90 accuracy, NER 0.10 to 0.60 entity F1"
    )
    assert size_title(sizes, SENTIMENT) == "0.60 with 20 sentences, 0.90 with all"
    assert sizes_rule(sizes) == "Means over seeds 0, 1, 2."


def test_while_runs_are_missing_the_answer_is_so_far() -> None:
    stories = of_two_plans()
    del stories[-1].events[-1]  # the last run, with 20 sentences, has not finished
    said = sizes_headline(group_by_size(summaries_of(stories)))
    assert said.startswith("So far: Sentiment: full beats heads-only")


def test_numbers_are_listed_and_the_largest_is_named() -> None:
    assert sizes_words([20, 1000, None]) == "20, 1,000 and all sentences per task"
    sizes = group_by_size(summaries_of(of_two_plans()))
    assert sizes_remark(sizes[:2]) == (
        "The sections below show the runs with 50 sentences per task, the largest number, unless "
        "another one is named."
    )
    assert "the runs with all sentences, the largest" in sizes_remark(sizes)
