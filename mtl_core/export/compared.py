"""What is compared: runs one by one and by plan, under the names that page and note give them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mtl_core.analysis.comparison import Comparison, answer, compare, distinct_labels
from mtl_core.analysis.forgetting import forgetting
from mtl_core.analysis.grouped import GroupedComparison, PlanResult
from mtl_core.analysis.grouping import group
from mtl_core.analysis.marks import GoldLabels
from mtl_core.analysis.summary import RunSummary
from mtl_core.analysis.words import in_percent
from mtl_core.export.scores import compared, comparison_facts
from mtl_core.lessons.compare_words import one_plan_answer, plans_answer
from mtl_core.lessons.forgetting_words import forgetting_title
from mtl_core.lessons.run_words import plan_words
from mtl_core.lessons.titles import task_title
from mtl_core.store.record import RunRecord
from mtl_core.training.spec import RunSpec


@dataclass(frozen=True, slots=True)
class Compared:
    """Runs one by one (`comparison`, in the order of `records`) and by plan; `gold` are the right
    labels of their validation sentences, where the data are here."""

    records: tuple[RunRecord, ...]
    comparison: Comparison
    plans: GroupedComparison
    gold: GoldLabels | None = None

    @property
    def several_seeds(self) -> bool:
        """Whether any plan was run more than once."""
        return any(len(plan.runs) > 1 for plan in self.plans.plans)


def judged(
    read: Sequence[tuple[RunRecord, RunSummary]], gold: GoldLabels | None = None
) -> Compared:
    """The runs judged, plans in the order in which the runs are given. With `gold`, the right
    labels of their validation sentences, the paired test sees sentences and not only seeds."""
    oldest_first = sorted(read, key=lambda each: each[0].created_at)
    order = [summary.run for _, summary in read]
    grouped = group([summary for _, summary in oldest_first], gold)
    plans = sorted(
        grouped.plans, key=lambda plan: min(order.index(run.run) for run in plan.runs.values())
    )
    records = tuple(record for record, _ in read)
    return Compared(records, compared(read), replace(grouped, plans=_named(plans)), gold)


def headline(shown: Compared) -> str:
    """The finding in one line; of one plan what a task that it left out lost or gained, else
    its means."""
    plans = shown.plans.plans
    if len(plans) == 1 and shown.several_seeds and plans[0].seconds is not None:
        clear = [each for each in forgetting(plans[0], shown.gold) if each.is_clear]
        if clear:
            return forgetting_title(task_title(clear[0].task.name), clear[:1])
        return one_plan_answer(plans[0])
    if shown.several_seeds:
        return plans_answer(shown.plans)
    titles = {task.task.name: task_title(task.task.name) for task in shown.comparison.tasks}
    return answer(shown.comparison, titles)


def facts_of(shown: Compared) -> list[str]:
    """Where the numbers come from."""
    facts = comparison_facts(shown.comparison, shown.records)
    if not shown.several_seeds:
        return facts
    count = len(shown.plans.plans)
    return [f"{count} plan{'s' if count > 1 else ''}, {facts[0]}", *facts[1:]]


def one_of_each(shown: Compared) -> Comparison:
    """One run of each plan that has begun, under the plan's name: a waiting run's spec lacks the
    digests that are written down where it begins. All runs where each plan ran once."""
    if not shown.several_seeds:
        return shown.comparison
    begun = [plan for plan in shown.plans.plans if a_run(plan).events]
    return compare([(plan.label, a_run(plan)) for plan in begun])


def a_run(plan: PlanResult) -> RunSummary:
    """The plan's run of the lowest seed."""
    return plan.runs[min(plan.runs)]


def _named(plans: Sequence[PlanResult]) -> tuple[PlanResult, ...]:
    """The plans under the names that pages call them by, each distinct."""
    specs = [a_run(plan).spec for plan in plans]
    names = [plan_words(spec) for spec in specs]
    for told in (_encoder_words, _examples_words, _noise_words):
        words = [told(spec) for spec in specs]
        if len(set(words)) > 1:
            names = [
                f"{name}, {word}" if word else name for name, word in zip(names, words, strict=True)
            ]
    seedless = [spec.model_copy(update={"seed": 0}) for spec in specs]
    labels = distinct_labels(names, seedless, [a_run(plan).run for plan in plans])
    return tuple(replace(plan, label=label) for plan, label in zip(plans, labels, strict=True))


def _encoder_words(spec: RunSpec) -> str:
    return "random encoder" if spec.random_backbone else ""


def _examples_words(spec: RunSpec) -> str:
    return f"{sum(spec.examples.values()):,} sentences" if spec.examples else ""


def _noise_words(spec: RunSpec) -> str:
    worst = max(spec.label_noise.values(), default=0.0)
    return f"{in_percent(worst)} wrong labels" if worst else ""
