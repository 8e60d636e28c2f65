"""Plans at several numbers of training sentences: judged at each, and told from which on."""

from mtl_core.analysis.by_size import group_by_size
from mtl_core.analysis.plans import PlanComparison, Verdict
from mtl_core.training.comparison import common_train_sizes
from tests.run_story import spec_of
from tests.sized_story import of_two_plans, summaries_of


def verdicts(plans: PlanComparison, task: str) -> dict[str, Verdict]:
    return {plan.label: plan.tasks[task].verdict for plan in plans.plans}


def test_plans_are_held_against_each_other_at_one_number_of_sentences() -> None:
    sizes = group_by_size(summaries_of(of_two_plans()))
    assert [each.size for each in sizes] == [20, 50, None]
    few, some, every = (verdicts(each.plans, "ner") for each in sizes)
    assert few == {"heads-only": Verdict.EQUIVALENT, "full": Verdict.BEST}
    assert some == every == {"heads-only": Verdict.BELOW, "full": Verdict.BEST}
    assert all(each.plans.beyond_plan == () for each in sizes)
    assert [run.spec.seed for run in sizes[0].plans.plans[0].runs.values()] == [0, 1, 2]


def test_runs_at_one_number_are_no_series() -> None:
    every = [each for each in summaries_of(of_two_plans()) if not each.spec.examples]
    assert group_by_size(every) == ()
    assert group_by_size([]) == ()


def test_a_plan_that_lacks_the_largest_number_is_not_left_out_of_the_answer() -> None:
    runs = summaries_of(of_two_plans())
    partly = [each for each in runs if each.spec.scenario == "full" or each.spec.examples]
    assert group_by_size(partly) == ()


def test_a_number_that_not_all_tasks_share_is_none() -> None:
    one_task = spec_of("full", examples={"ner": 20})
    other = spec_of("full", examples={"ner": 20, "sentiment": 60})
    shared = spec_of("full", examples={"ner": 60, "sentiment": 60})
    assert common_train_sizes([one_task, shared]) == ()
    assert common_train_sizes([other, shared]) == ()
    assert common_train_sizes([shared, spec_of("full")]) == (60, None)
    assert common_train_sizes([shared, shared]) == ()
