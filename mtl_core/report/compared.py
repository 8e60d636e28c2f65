"""What is compared: runs one by one and by plan, under the names that page and note give them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mtl_core.analysis.by_size import AtSize, group_by_size, size_text
from mtl_core.analysis.comparison import Comparison, answer, compare, distinct_labels
from mtl_core.analysis.forgetting import forgetting
from mtl_core.analysis.judge import compare_plans
from mtl_core.analysis.marks import GoldLabels
from mtl_core.analysis.plans import PlanComparison, PlanResult
from mtl_core.analysis.summary import RunSummary
from mtl_core.analysis.words import in_percent
from mtl_core.freezing.titles import task_title
from mtl_core.report.compare_words import one_plan_answer, plans_answer
from mtl_core.report.data_words import data_name
from mtl_core.report.forgetting_words import forgetting_title
from mtl_core.report.run_words import plan_words
from mtl_core.report.scores import compared, comparison_facts
from mtl_core.report.size_words import sizes_answer, sizes_words
from mtl_core.store.record import RunRecord
from mtl_core.training.spec import RunSpec


@dataclass(frozen=True, slots=True)
class ComparedRuns:
    """Runs one by one (`comparison`, in the order of `records`) and by plan; `gold` are the right
    labels of their validation sentences, where the data are here.

    `by_size` are the plans at each number of training sentences where there are several, the
    largest last; `plans` then are those at the largest, which all but the curve is about.
    """

    records: tuple[RunRecord, ...]
    comparison: Comparison
    plans: PlanComparison
    gold: GoldLabels | None = None
    by_size: tuple[AtSize, ...] = ()

    @property
    def by_plan(self) -> bool:
        """Whether plans stand for their runs: any was run more than once."""
        return self.several_seeds or bool(self.by_size)

    @property
    def every_plan(self) -> tuple[PlanResult, ...]:
        """The plans at each number of training sentences, under names that tell it."""
        if not self.by_size:
            return self.plans.plans
        return tuple(
            replace(plan, label=f"{plan.label}, {size_text(each.size)} sentences")
            for each in self.by_size[::-1]
            for plan in each.plans.plans
        )

    @property
    def several_seeds(self) -> bool:
        """Whether any plan was run with more than one seed."""
        return any(len(plan.runs) > 1 for plan in self.plans.plans)


def judged(
    read: Sequence[tuple[RunRecord, RunSummary]], gold: GoldLabels | None = None
) -> ComparedRuns:
    """The runs judged, plans in the order in which the runs are given. With `gold`, the right
    labels of their validation sentences, the paired test sees sentences and not only seeds."""
    oldest_first = sorted(read, key=lambda each: each[0].created_at)
    order = [summary.run for _, summary in read]
    summaries = [summary for _, summary in oldest_first]
    records = tuple(record for record, _ in read)
    by_size = tuple(
        replace(each, plans=_in_order(each.plans, order)) for each in group_by_size(summaries, gold)
    )
    plans = by_size[-1].plans if by_size else _in_order(compare_plans(summaries, gold), order)
    return ComparedRuns(records, compared(read), plans, gold, by_size)


def headline(shown: ComparedRuns) -> str:
    """The finding in one line; of one plan what a task that it left out lost or gained, else
    its means."""
    plans = shown.plans.plans
    if shown.by_size:
        return sizes_answer(shown.by_size)
    if len(plans) == 1 and shown.several_seeds and plans[0].seconds is not None:
        clear = [each for each in forgetting(plans[0], shown.gold) if each.is_clear]
        if clear:
            return forgetting_title(task_title(clear[0].task.name), clear[:1])
        return one_plan_answer(plans[0])
    if shown.several_seeds:
        return plans_answer(shown.plans)
    titles = {task.task.name: task_title(task.task.name) for task in shown.comparison.tasks}
    return answer(shown.comparison, titles)


def facts_of(shown: ComparedRuns) -> list[str]:
    """Where the numbers come from."""
    facts = comparison_facts(shown.comparison, shown.records)
    if not shown.by_plan:
        return facts
    count = len(shown.plans.plans)
    named = f"{count} plan{'s' if count > 1 else ''}, {facts[0]}"
    if not shown.by_size:
        return [named, *facts[1:]]
    sizes = sizes_words([each.size for each in shown.by_size])
    data = {data_name(each.spec.data, (t.name for t in each.spec.tasks)) for each in shown.records}
    told = [f"data: {name}" for name in data if len(data) == 1]
    others = [fact for fact in facts[1:] if fact not in told]
    return [named, *others[:1], *told, sizes, *others[1:]]


def one_of_each(shown: ComparedRuns) -> Comparison:
    """One run of each plan that has begun, under the plan's name: a waiting run's spec lacks the
    digests that are written down where it begins. All runs where each plan ran once."""
    if not shown.by_plan:
        return shown.comparison
    begun = [plan for plan in shown.plans.plans if a_run(plan).events]
    return compare([(plan.label, a_run(plan)) for plan in begun])


def a_run(plan: PlanResult) -> RunSummary:
    """The plan's run of the lowest seed."""
    return plan.runs[min(plan.runs)]


def _in_order(grouped: PlanComparison, order: Sequence[str]) -> PlanComparison:
    """The plans in the order of their first runs, under the names that pages call them by."""
    plans = sorted(
        grouped.plans, key=lambda plan: min(order.index(run.run) for run in plan.runs.values())
    )
    return replace(grouped, plans=_named(plans))


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
