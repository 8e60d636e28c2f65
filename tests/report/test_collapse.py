from mtl_core.analysis.judge import compare_plans
from mtl_core.charts.pareto_labels import BaselineLine
from mtl_core.report.baselines import collapse_lines
from tests.export.finished_run import finished
from tests.sized_story import summaries_of

CHANCE = {"sentiment": [BaselineLine("majority class", 0.5), BaselineLine("bag of words", 0.7)]}


def test_seeds_at_the_level_of_the_majority_class_are_named() -> None:
    scores = {1: 0.9, 2: 0.5, 3: 0.88, 4: 0.48}
    stories = [finished("full", score, 0.4, seed=seed) for seed, score in scores.items()]
    stories += [finished("heads-only", 0.7, 0.3, seed=seed) for seed in scores]
    plans = compare_plans(summaries_of(stories))
    assert collapse_lines(plans, CHANCE) == (
        "Sentiment, full: 2 of 4 seeds are no better than the majority class, 0.50 (seeds 2 and "
        "4).",
    )
    assert collapse_lines(plans, {}) == ()


def test_a_plan_that_never_exceeds_the_majority_class_has_not_collapsed() -> None:
    stories = [finished("full", 0.5, 0.4, seed=seed) for seed in (1, 2)]
    assert collapse_lines(compare_plans(summaries_of(stories)), CHANCE) == ()
