"""Runs with several numbers of training sentences, gathered by plan at each number.

Plans are only held against each other where they learned from as many sentences: at each number
the best is another one, and "within noise" is of that one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtl_core.analysis.grouped_finding import finding, task_finding
from mtl_core.analysis.judge import compare_plans
from mtl_core.analysis.marks import GoldLabels
from mtl_core.analysis.plans import Labelled, PlanComparison
from mtl_core.analysis.summary import RunSummary
from mtl_core.training.comparison import TrainSize, sizes_among, train_size


@dataclass(frozen=True, slots=True)
class AtSize:
    """All plans with one number of training sentences of each task."""

    size: TrainSize
    plans: PlanComparison


def group_by_size(runs: Sequence[Labelled], gold: GoldLabels | None = None) -> tuple[AtSize, ...]:
    """The runs grouped at each number of training sentences, the largest last.

    Empty where the runs do not differ in that, and where a plan has no run with the largest
    number: what is told of the largest would leave it out.
    """
    summaries = [each[1] if isinstance(each, tuple) else each for each in runs]
    sizes = sizes_among([summary.spec for summary in summaries])
    names = {size: _names(summaries, size) for size in sizes}
    if not sizes or any(each - names[sizes[-1]] for each in names.values()):
        return ()
    by_size = {
        size: [
            each
            for each, summary in zip(runs, summaries, strict=True)
            if train_size(summary.spec) == size
        ]
        for size in sizes
    }
    return tuple(AtSize(size, compare_plans(some, gold)) for size, some in by_size.items())


def sizes_finding(sizes: Sequence[AtSize], titles: Mapping[str, str]) -> str:
    """What holds with the largest number, for each task, and from which number on it does:
    "NER: full beats heads only from 100 sentences on"."""
    largest = sizes[-1].plans
    if not largest.same_questions or largest.beyond_plan:
        return finding(largest, titles)
    return ". ".join(
        f"{titles.get(task.name, task.name)}: {_found(sizes, task.name)} {since(sizes, task.name)}"
        for task in largest.tasks
    )


def since(sizes: Sequence[AtSize], task: str) -> str:
    """The numbers with which the finding of the largest holds too, without a gap."""
    said = [task_finding(each.plans, task, with_time=False) for each in sizes]
    alike = next((n for n, each in enumerate(said[::-1]) if each != said[-1]), len(said))
    if alike == len(sizes):
        return "at every number"
    first = sizes[-alike].size
    if first is None:
        return "given all sentences"
    return f"given {first:,} sentences" if alike == 1 else f"from {first:,} sentences on"


def size_text(size: TrainSize) -> str:
    """`200`, or `all`."""
    return "all" if size is None else f"{size:,}"


def _found(sizes: Sequence[AtSize], task: str) -> str:
    return task_finding(sizes[-1].plans, task, with_time=False)


def _names(summaries: Sequence[RunSummary], size: TrainSize) -> set[str]:
    specs = [summary.spec for summary in summaries if train_size(summary.spec) == size]
    return {spec.scenario or spec.plan.name for spec in specs}
