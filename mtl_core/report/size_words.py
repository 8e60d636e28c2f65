"""What is said of plans that were run with several numbers of training sentences."""

from collections.abc import Sequence

from mtl_core.analysis.by_size import AtSize, size_text, sizes_finding
from mtl_core.analysis.plans import PlanComparison, TaskResult, Verdict
from mtl_core.analysis.words import listed
from mtl_core.freezing.titles import task_title
from mtl_core.report.compare_words import mean_words, metric_name, plans_answer
from mtl_core.tasks.task import Task
from mtl_core.training.comparison import TrainSize

_MARKS = {Verdict.BEST: " ✓", Verdict.WITHIN_NOISE: " ≈"}
_NO_MARK = " \u2003"  # as wide as a mark: numbers stand one below the other


def size_words(size: TrainSize) -> str:
    """`200 sentences a task`, `all sentences`."""
    return f"{size_text(size)} sentences{'' if size is None else ' a task'}"


def sizes_words(sizes: Sequence[TrainSize]) -> str:
    """`50, 100 and 200 sentences a task`."""
    return f"{listed([size_text(size) for size in sizes])} sentences a task"


def sizes_answer(sizes: Sequence[AtSize]) -> str:
    """The finding in one line, "So far" while runs are missing: what holds with the largest number,
    and from which on. Of one plan its means with the smallest and with the largest."""
    largest = sizes[-1].plans
    measured = [each for each in sizes if any(p.seconds is not None for p in each.plans.plans)]
    if len(largest.plans) == 1 and measured:
        said = _one_plan(measured)
    elif sum(plan.seconds is not None for plan in largest.plans) < min(2, len(largest.plans)):
        return plans_answer(largest)
    else:
        said = sizes_finding(sizes, {task.name: task_title(task.name) for task in largest.tasks})
    return f"So far: {said}" if any(_on_its_way(each.plans) for each in sizes) else said


def size_title(sizes: Sequence[AtSize], task: Task) -> str:
    """The title of a task's figure: who is best with the fewest sentences, and who with the most;
    ≈: within noise of it."""
    few, *between, many = (_standing(each.plans, task) for each in sizes)
    first, last = size_text(sizes[0].size), size_text(sizes[-1].size)
    if few != many:
        return f"{few} with {first} sentences, {many} with {last}"
    if set(between) <= {few}:
        return f"{few} at every number of sentences"
    return f"{few} with {first} sentences and with {last}, not throughout"


def size_rows(sizes: Sequence[AtSize], task: Task, *, ranges: bool) -> list[dict[str, str]]:
    """A row for each plan, best with the largest number first, and a column for each number: the
    mean, with the lowest and the highest seed where `ranges`, and how it stands at that number."""
    results = [
        {plan.label: plan.tasks.get(task.name) for plan in each.plans.plans} for each in sizes
    ]
    means = {
        label: -1.0 if result is None or result.mean is None else result.mean
        for label, result in results[-1].items()
    }
    return [
        {"Plan": label}
        | {
            size_text(each.size): _cell(found.get(label), ranges=ranges)
            for each, found in zip(sizes, results, strict=True)
        }
        for label in sorted(means, key=lambda name: -means[name])
    ]


def sizes_rule(sizes: Sequence[AtSize]) -> str:
    """How the table is to be read."""
    seeds = sorted({seed for each in sizes for seed in each.plans.seeds})
    means = f"Means over seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}."
    if len(sizes[-1].plans.plans) < 2:
        return means
    return (
        f"{means} Each column is judged for itself: ✓ best with that number, ≈ within noise of it "
        "by a paired test over seeds and sentences (95 %, shared among the plans of a column). "
        "Fewer sentences are among the more."
    )


def sizes_rest(sizes: Sequence[AtSize]) -> str:
    """What figures and tables that tell no number of training sentences are about."""
    return (
        f"From here on: the runs with {size_words(sizes[-1].size)}, the largest number, unless "
        "another is named."
    )


def table_title(task: Task) -> str:
    """The title of a task's table."""
    return f"{task_title(task.name)} {metric_name(task)} by training sentences"


def _one_plan(sizes: Sequence[AtSize]) -> str:
    plan, first = sizes[-1].plans.plans[0], sizes[0].plans.plans[0]
    numbers = " to ".join(dict.fromkeys(size_text(each.size) for each in (sizes[0], sizes[-1])))
    said = []
    for name, result in plan.tasks.items():
        ends = [r.mean for r in (first.tasks.get(name), result) if r is not None]
        told = " to ".join(dict.fromkeys(f"{mean:.2f}" for mean in ends if mean is not None))
        said.append(f"{task_title(name)} {told} {metric_name(result.task)}")
    return f"{plan.label[:1].upper()}{plan.label[1:]}, {numbers} sentences: {', '.join(said)}"


def _standing(comparison: PlanComparison, task: Task) -> str:
    results = {
        plan.label: result
        for plan in comparison.plans
        if (result := plan.tasks.get(task.name)) is not None and result.mean is not None
    }
    if not results:
        return "no score yet"
    best = max(results, key=lambda label: results[label].mean or 0.0)
    if len(results) == 1:
        return f"{results[best].mean:.2f}"
    if any(result.verdict is Verdict.OPEN for result in results.values()):
        return f"{best} highest, not tested,"
    tied = [label for label, r in results.items() if r.verdict in _MARKS and label != best]
    if not tied:
        return f"{best} best"
    if len(tied) == len(results) - 1:
        return "both within noise" if len(results) == 2 else f"all {len(results)} within noise"
    return f"{best} ≈ {tied[0] if len(tied) == 1 else f'{len(tied)} more'}"


def _cell(result: TaskResult | None, *, ranges: bool) -> str:
    if result is None or result.mean is None:
        return ""
    if ranges:
        return mean_words(result) + _MARKS.get(result.verdict, "")
    return f"{result.mean:.3f}{_MARKS.get(result.verdict, _NO_MARK)}"


def _on_its_way(comparison: PlanComparison) -> bool:
    return any(run.finished is None for plan in comparison.plans for run in plan.runs.values())
