"""Formats the seconds of plans, and states what they include."""

from mtl_core.analysis.plans import PlanComparison, PlanResult, finished_runs
from mtl_core.report.run_words import shared_words

_UNEVEN = 1.5
"""How many times longer a run is than another one of its plan if the mean alone would mislead."""


def seconds_words(plan: PlanResult, comparison: PlanComparison | None = None) -> str:
    """Formats the mean seconds of a plan's runs, with the mark of `shared_words`.

    Without the mark if all plans of `comparison` have the same: `table_rule`, which has to be shown
    with it, then has it once. Empty without a finished run.
    """
    if plan.seconds is None:
        return ""
    once = comparison is not None and _mark_of_all(comparison) is not None
    return f"{plan.seconds:,.1f}{'' if once else _mark(plan)}"


def duration_lines(comparison: PlanComparison) -> tuple[str, ...]:
    """Names the plans whose mean seconds hide that one run computed what the others read."""
    found = []
    for plan in comparison.plans:
        ends = [run.finished for run in finished_runs(plan).values() if run.finished is not None]
        if len(ends) < 2 or plan.trained_together is not None:
            continue
        shortest, *_, longest = sorted(ends, key=lambda end: end.total_seconds)
        low, high = shortest.total_seconds, longest.total_seconds
        computed = longest.prefix_seconds - shortest.prefix_seconds
        if high > _UNEVEN * low and computed > (high - low) / 2:
            found.append(
                f"{plan.label}: {low:.1f} to {high:.1f} s per run. A run that finds no stored "
                "outputs of the frozen layers computes them; later runs read them."
            )
    return tuple(found)


def sharing_words(comparison: PlanComparison) -> str:
    """States what the seconds of the table include, for its caption."""
    together = any(plan.trained_together for plan in comparison.plans)
    beside = any(plan.trained_beside for plan in comparison.plans)
    mark = _mark_of_all(comparison) or ""
    of_run = " of a run" * (not mark.startswith(" for"))
    return " ".join(
        [f"Seconds are those{of_run}{mark}."] * bool(mark)
        + ["Runs trained together share their seconds and peak memory."] * together
        + ["Runs that are trained at the same time as others take longer than alone."] * beside
    )


def _mark(plan: PlanResult) -> str:
    return shared_words(plan.trained_together, plan.trained_beside)


def _mark_of_all(comparison: PlanComparison) -> str | None:
    """The mark that all plans have; None if they have different ones, or `table_rule` has none."""
    if len(comparison.plans) < 2 or not comparison.same_sentences:
        return None
    marks = {_mark(plan) for plan in comparison.plans if plan.seconds is not None}
    return next(iter(marks)) if len(marks) == 1 else None
