from dataclasses import replace

from mtl_core.analysis.judge import compare_plans
from mtl_core.report.diverged import diverged_lines
from mtl_core.report.table import lines_below
from tests.export.finished_run import finished
from tests.sized_story import summaries_of

SAID = (
    "full: 2 of 4 seeds diverged (seeds 2 and 4): the loss became NaN or infinite. Without a "
    "score, they are not in the means; a lower learning rate may avoid it."
)


def test_a_plan_that_diverged_on_some_seeds_says_so_and_is_compared_on_the_others() -> None:
    stories = [finished("full", 0.9, 0.4, seed=seed) for seed in (1, 2, 3, 4)]
    stories += [finished("heads-only", 0.7, 0.3, seed=seed) for seed in (1, 2, 3, 4)]
    runs = summaries_of(stories)
    for place in (1, 3):
        runs[place] = replace(runs[place], finished=None, diverged=True)
    plans = compare_plans(runs)
    assert diverged_lines(plans) == (SAID,)
    assert SAID in lines_below(plans, {})
    assert plans.plans[0].tasks["sentiment"].mean == 0.9
    assert diverged_lines(compare_plans(summaries_of(stories))) == ()
