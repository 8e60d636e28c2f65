"""Describes undecided plans: the interval, the power of the design, and what would decide."""

from mtl_core.analysis.outcomes import needed
from mtl_core.analysis.paired.planning import smallest_difference
from mtl_core.analysis.plans import PlanComparison, TaskResult, Verdict
from mtl_core.freezing.titles import task_title
from mtl_core.report.against import interval_words
from mtl_core.text import signed


def undecided_lines(comparison: PlanComparison) -> tuple[str, ...]:
    """Describes each undecided plan: its interval, what its design finds, and what would decide."""
    return tuple(
        f"{task_title(task.name)}, {plan.label}: {undecided_words(plan.tasks[task.name])}"
        for task in comparison.tasks
        for plan in comparison.scored(task.name, Verdict.UNDECIDED)
    )


def undecided_words(result: TaskResult) -> str:
    """Describes an undecided result: "undecided at −0.020 (−0.071 to +0.031). …"."""
    tested = result.against_best
    if tested is None:
        return "undecided."
    if not tested.level:
        return (
            f"undecided at {signed(tested.effect)} ({interval_words(tested)}). Earlier looks have "
            "used up the error rate, so more seeds cannot change a verdict. Start a new comparison."
        )
    finds, enough = smallest_difference(tested), needed(result)
    numbers = [
        f"{least:,} {what}"
        for least, what in (
            (enough.seeds, "seeds in a new comparison"),
            (_rounded_up(enough.sentences), "sentences"),
        )
        if least is not None
    ]
    alone = "Neither more seeds nor more sentences alone"
    decide = f"About {' or '.join(numbers)}" if numbers else alone
    found = (
        f"These seeds and sentences find a difference of {finds:.3f} in 80 % of cases. "
        if finds and finds < 1
        else ""
    )
    return (
        f"undecided at {signed(tested.effect)} ({interval_words(tested)}). {found}"
        f"{decide} would be enough to decide."
    )


def _rounded_up(number: int | None) -> int | None:
    """The number with two digits that are not 0: more would not be known."""
    if number is None:
        return None
    unit = int(10 ** max(len(str(number)) - 2, 0))
    return -(-number // unit) * unit
