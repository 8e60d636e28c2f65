"""What the Compare page says of plans over seeds: titles of its figures and of its table."""

from collections.abc import Sequence

from mtl_core.analysis.grouped_finding import finding
from mtl_core.analysis.plans import PlanComparison, PlanResult, TaskResult, Verdict
from mtl_core.analysis.words import verb
from mtl_core.freezing.titles import task_title
from mtl_core.tasks.task import Task, TaskKind

_TOLD = (Verdict.BEST, Verdict.WITHIN_NOISE)
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def metric_name(task: Task) -> str:
    """What the task's headline number is called."""
    return "accuracy" if task.kind is TaskKind.SENTENCE else "entity F1"


def mean_words(result: TaskResult | None) -> str:
    """`0.663 (0.637 to 0.679)`: the mean and the seeds' range; empty without a score."""
    if result is None or result.mean is None:
        return ""
    if result.low is None or result.high is None or result.seeds < 2:
        return f"{result.mean:.3f}"
    return f"{result.mean:.3f} ({result.low:.3f} to {result.high:.3f})"


def plans_answer(comparison: PlanComparison) -> str:
    """The finding in one line, "So far" while runs are missing; how many plans have a score while
    that is fewer than two."""
    plans = len(comparison.plans)
    ready = sum(plan.seconds is not None for plan in comparison.plans)
    if plans > 1 and ready < 2:
        return f"{ready} of {plans} plans have a finished run: scores are compared once two have"
    said = finding(comparison, {task.name: task_title(task.name) for task in comparison.tasks})
    return f"So far: {said}" if _on_its_way(comparison) else said


def one_plan_answer(plan: PlanResult) -> str:
    """What one plan came to over its finished seeds: "Full over 3 seeds: NER 0.67 entity F1"."""
    seeds = finished_seeds(plan)
    means = [
        f"{task_title(name)} {result.mean:.2f} {metric_name(result.task)}"
        for name, result in plan.tasks.items()
        if result.mean is not None
    ]
    name = plan.label[:1].upper() + plan.label[1:]
    return f"{name} over {seeds} seed{'s' * (seeds != 1)}: {', '.join(means)}"


def _on_its_way(comparison: PlanComparison) -> bool:
    """Whether a run of any plan has not ended well, or not yet."""
    return any(run.finished is None for plan in comparison.plans for run in plan.runs.values())


def front_words(
    comparison: PlanComparison, task: str, costs: Sequence[tuple[str, float]], paid: str
) -> str:
    """The title of a task's figure, by the first rule that holds. `costs` are (label, cost) of the
    plans, `paid` is what they are paid with: "time".

    One plan alone: its mean. Fewer than two plans with a score: what will stand there. No verdict
    yet, or one seed, which separates nothing: the highest. Else of the plans that are best or
    within noise of the best the cheapest: it is the cheapest of all, or there are dearer ones; in
    either case nothing beats it where it is the best, and what the best has more is within noise
    where it is not. Or it is the dearest: by how much it leads.
    """
    results = _results(comparison, task)
    scored = sorted((cost, label) for label, cost in costs if label in results)
    if len(scored) == len(comparison.plans) == 1:
        ((_, label),) = scored
        return f"{label} {verb(label, 'comes', 'come')} to {results[label].mean or 0.0:.2f}"
    if len(scored) < 2:
        return "a point for each plan that has finished"
    best = max((label for _, label in scored), key=lambda label: results[label].mean or 0.0)
    tied = [label for _, label in scored if results[label].verdict in _TOLD]
    if not tied or len(comparison.seeds) < 2:
        return f"highest with {best}"
    if tied[0] == scored[0][1]:
        if tied[0] == best:
            return f"nothing beats {best}, the cheapest"
        return f"{tied[0]}, the cheapest, {verb(tied[0], 'is', 'are')} within noise of {best}"
    if tied[0] != scored[-1][1]:
        if tied[0] == best:
            return f"beyond {best}, more {paid} buys nothing"
        return f"beyond {tied[0]}, what more {paid} buys is within noise"
    others = [results[label].mean or 0.0 for _, label in scored if label != best]
    lead = (results[best].mean or 0.0) - max(others)
    return f"{best} {verb(best, 'is', 'are')} {lead:.2f} above the next"


def sorting_task(comparison: PlanComparison) -> Task:
    """The task that tells the most plans apart from its best; the last such one."""
    return max(
        reversed(comparison.tasks), key=lambda task: len(_with(comparison, task, Verdict.BELOW))
    )


def sorted_plans(comparison: PlanComparison) -> list[PlanResult]:
    """The plans, the best on `sorting_task` first; what is not measured last."""
    task = sorting_task(comparison).name
    return sorted(comparison.plans, key=lambda plan: -_score(plan, task))


def table_words(comparison: PlanComparison) -> str:
    """The title of the table: by what it is sorted, and where plans cannot be told apart."""
    if len(comparison.plans) < 2:
        return "Scores and what they cost"
    by = sorting_task(comparison)
    title = f"Sorted by {task_title(by.name)} {metric_name(by)}"
    ties = []
    for task in comparison.tasks:
        tied = len(_with(comparison, task, *_TOLD))
        judged = tied + len(_with(comparison, task, Verdict.BELOW))
        if tied > 1:
            some = "no plan can be told from another" if tied == judged else _of(tied, judged)
            ties.append(f"on {task_title(task.name)} {some}")
    return "; ".join([title, *ties])


def plans_rule(comparison: PlanComparison) -> str:
    """By which rule plans are told apart, in a caption: the marks that the table holds."""
    seeds = ", ".join(map(str, comparison.seeds))
    means = f"Means over seed{'s' * (len(comparison.seeds) > 1)} {seeds}."
    if not comparison.same_questions:
        return f"{means} The plans answer different sentences: none is judged."
    if len(comparison.plans) < 2:
        return means
    results = [
        each for task in comparison.tasks for each in _results(comparison, task.name).values()
    ]
    said = {each.verdict: against_words(each) for each in results}
    parts = [
        means,
        "≈ within noise: the difference from the best may be chance, by a paired test over seeds "
        "and sentences (95 %, shared among the plans)." * (Verdict.WITHIN_NOISE in said),
        f"{said.get(Verdict.BELOW)}: below the best by so much, and chance alone would not do it."
        * (Verdict.BELOW in said),
        "open: not tested yet." * (Verdict.OPEN in said),
    ]
    return " ".join(part for part in parts if part)


def against_words(result: TaskResult | None) -> str:
    """How a plan stands on a task: best, ≈ within noise, or how far below."""
    if result is None or result.mean is None:
        return ""
    match result.verdict:
        case Verdict.BEST:
            return "best"
        case Verdict.WITHIN_NOISE:
            return "≈ within noise"
        case Verdict.BELOW if result.against_best is not None:
            effect = result.against_best.effect
            return f"{'−' if effect < 0 else '+'}{abs(effect):.3f}"
        case _:
            return "open"


def frozen_words(plan: PlanResult) -> str:
    """What the SHA-256 of the frozen tensors said in the finished runs."""
    if plan.frozen_exact is None:
        return ""
    if not plan.frozen_exact:
        return "✕ a tensor changed"
    ends = [run.finished for run in plan.runs.values() if run.finished is not None]
    return "exact" if any(end.frozen_tensors for end in ends) else "none frozen"


def finished_seeds(plan: PlanResult) -> int:
    """How many of the plan's runs came to their end."""
    return sum(run.finished is not None for run in plan.runs.values())


def count_word(count: int) -> str:
    """A small number as a word."""
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _of(tied: int, judged: int) -> str:
    return f"{count_word(tied)} of {count_word(judged)} cannot be told apart"


def _with(comparison: PlanComparison, task: Task, *verdicts: Verdict) -> list[TaskResult]:
    return [each for each in _results(comparison, task.name).values() if each.verdict in verdicts]


def _results(comparison: PlanComparison, task: str) -> dict[str, TaskResult]:
    return {
        plan.label: result
        for plan in comparison.plans
        if (result := plan.tasks.get(task)) is not None and result.mean is not None
    }


def _score(plan: PlanResult, task: str) -> float:
    result = plan.tasks.get(task)
    return -1.0 if result is None or result.mean is None else result.mean
