"""What the Compare page shows, read once a run of the page: the runs, singly and by plan."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from mtl_core.analysis.baselines import Baseline as DataBaseline
from mtl_core.analysis.baselines import baselines_of_data, baselines_of_runs
from mtl_core.analysis.comparison import Comparison, distinct_labels
from mtl_core.analysis.grouped import GroupedComparison, PlanResult
from mtl_core.analysis.grouping import group
from mtl_core.analysis.marks import GoldLabels, gold_labels
from mtl_core.analysis.summary import RunSummary
from mtl_core.charts.pareto import Baseline
from mtl_core.engine.lab import Lab
from mtl_core.errors import FreezeLabError, PlanError
from mtl_core.export.scores import compared
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import ParameterTable
from mtl_core.lessons.run_words import plan_words
from mtl_core.store.record import RunRecord
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.training.spec import RunSpec
from mtl_core.ui.run_cache import model_of, summary_of


@dataclass(frozen=True, slots=True)
class Compared:
    """The runs on the page: one by one (`comparison`, in the order of `records`) and by plan."""

    records: tuple[RunRecord, ...]
    comparison: Comparison
    plans: GroupedComparison

    @property
    def several_seeds(self) -> bool:
        """Whether any plan was run more than once."""
        return any(len(plan.runs) > 1 for plan in self.plans.plans)


def compared_now(lab: Lab, records: Sequence[RunRecord]) -> Compared:
    """The runs read from the store, judged."""
    read = [(record, summary_of(lab, record)) for record in records]
    comparison = compared(read)
    oldest_first = sorted(read, key=lambda each: each[0].created_at)
    order = [summary.run for _, summary in read]
    specs = [summary.spec for _, summary in read]
    gold = gold_of(lab, max(specs, key=lambda spec: bool(spec.data_digests))) if specs else None
    grouped = group([summary for _, summary in oldest_first], gold)
    plans = sorted(
        grouped.plans, key=lambda plan: min(order.index(run.run) for run in plan.runs.values())
    )
    return Compared(tuple(records), comparison, replace(grouped, plans=_named(plans)))


def gold_of(lab: Lab, spec: RunSpec) -> GoldLabels | None:
    """The right labels of the spec's validation split; None where its data are not here."""
    dataset = dataset_of(lab, spec)
    return None if dataset is None else gold_labels(dataset)


def dataset_of(lab: Lab, spec: RunSpec) -> Dataset | None:
    """The spec's sentences, if they are here; read once for each digest."""
    try:
        lab.require_allowed_data(spec.data)
        return _read(*_known_by(lab, spec))
    except FreezeLabError:
        return None


def baselines_of(lab: Lab, shown: Compared) -> dict[str, list[Baseline]]:
    """What needs no fine-tuning, by task: of the data where they are here, and of the runs."""
    specs = [a_run(plan).spec for plan in shown.plans.plans]
    told = list(baselines_of_runs(shown.plans))
    spec = max(specs, key=lambda each: bool(each.data_digests))
    alike = all(each.examples == spec.examples for each in specs)
    if shown.plans.same_questions and alike and dataset_of(lab, spec) is not None:
        told = [*_of_data(*_known_by(lab, spec), tuple(sorted(spec.examples.items()))), *told]
    return {
        task.name: [
            Baseline(each.label, each.values[task.name])
            for each in told
            if task.name in each.values
        ]
        for task in shown.plans.tasks
    }


def _known_by(lab: Lab, spec: RunSpec) -> tuple[str, Path, tuple[tuple[str, str], ...]]:
    return spec.data, lab.settings.uploads, tuple(sorted(spec.data_digests.items()))


@lru_cache(maxsize=16)
def _of_data(
    data: str,
    uploads: Path,
    digests: tuple[tuple[str, str], ...],  # other content is another entry of the cache
    examples: tuple[tuple[str, int], ...],
) -> tuple[DataBaseline, ...]:
    return baselines_of_data(load_dataset(data, dict(examples), uploads)) if digests else ()


@lru_cache(maxsize=4)
def _read(data: str, uploads: Path, digests: tuple[tuple[str, str], ...]) -> Dataset | None:
    """The data, if they are still those that the runs learned from."""
    dataset = load_dataset(data, uploads=uploads)
    return dataset if not digests or dict(digests) == dict(dataset.digests) else None


def tables_of(lab: Lab, plan: PlanResult) -> tuple[ParameterTable, ...]:
    """The plan's tables, a phase each; none where its checkpoint is not here any more."""
    spec = a_run(plan).spec
    model = model_of(lab, spec)
    try:
        return tuple(parameter_tables(spec.plan, model)) if model else ()
    except PlanError:
        return ()


def a_run(plan: PlanResult) -> RunSummary:
    """The plan's run of the lowest seed."""
    return plan.runs[min(plan.runs)]


def _named(plans: Sequence[PlanResult]) -> tuple[PlanResult, ...]:
    """The plans under the names that pages call them by, each distinct."""
    specs = [a_run(plan).spec for plan in plans]
    names = [plan_words(spec) for spec in specs]
    for told in (_examples_words, _noise_words):
        words = [told(spec) for spec in specs]
        if len(set(words)) > 1:
            names = [
                f"{name}, {word}" if word else name for name, word in zip(names, words, strict=True)
            ]
    seedless = [spec.model_copy(update={"seed": 0}) for spec in specs]
    labels = distinct_labels(names, seedless, [a_run(plan).run for plan in plans])
    return tuple(replace(plan, label=label) for plan, label in zip(plans, labels, strict=True))


def _examples_words(spec: RunSpec) -> str:
    return f"{sum(spec.examples.values()):,} sentences" if spec.examples else ""


def _noise_words(spec: RunSpec) -> str:
    worst = max(spec.label_noise.values(), default=0.0)
    return f"{worst:.0%} wrong labels" if worst else ""
