"""Decides what the interval of a plan's difference from the best shows.

Equivalent: the interval is inside ± the margin, also if it excludes 0. Otherwise below or above: it
excludes 0. Otherwise undecided: neither was shown, and the plans may be equal or not. The margins
were fixed before any verdict was computed (docs/decisions/0039).
"""

from dataclasses import dataclass

from mtl_core.analysis.paired.intervals import PairedDifference
from mtl_core.analysis.paired.planning import Enough, enough_to_decide
from mtl_core.analysis.plans import TaskResult, Verdict
from mtl_core.tasks.task import Task, TaskKind

MARGINS = {TaskKind.SENTENCE: 0.03, TaskKind.TOKEN: 0.05}
"""The default margin by kind of task: of accuracy and of entity F1."""


@dataclass(frozen=True, slots=True)
class OutcomeRule:
    """How a comparison is judged.

    `margin` is None for the default of each kind of task. `looks` are the seeds at each earlier
    look at the results, the first look first.
    """

    margin: float | None = None
    looks: tuple[tuple[int, ...], ...] = ()

    def margin_of(self, task: Task) -> float:
        """Returns the difference up to which plans count as equivalent on `task`."""
        return MARGINS[task.kind] if self.margin is None else self.margin


@dataclass(frozen=True, slots=True)
class Against:
    """A plan compared with a chosen plan or a baseline.

    `interval` is None without a test. `difference` is also known for one seed, None if unknown.
    """

    verdict: Verdict
    interval: PairedDifference | None
    margin: float
    difference: float | None = None


def outcome(difference: PairedDifference, margin: float) -> Verdict:
    """Returns `EQUIVALENT`, `BELOW`, `ABOVE` or `UNDECIDED`."""
    if max(-difference.low, difference.high) < margin:
        return Verdict.EQUIVALENT
    if difference.high < 0:
        return Verdict.BELOW
    return Verdict.ABOVE if difference.low > 0 else Verdict.UNDECIDED


def against(
    interval: PairedDifference | None, margin: float, difference: float | None = None
) -> Against:
    """Judges an interval; one seed or none gives the verdict `OPEN` and no interval.

    `difference` is that of the means, for a plan without an interval.
    """
    if interval is None:
        return Against(Verdict.OPEN, None, margin, difference)
    if interval.seeds < 2:
        return Against(Verdict.OPEN, None, margin, interval.effect)
    return Against(outcome(interval, margin), interval, margin, interval.effect)


def needed(result: TaskResult) -> Enough:
    """Returns how many seeds, or sentences, would decide about an undecided plan."""
    if result.against_best is None or result.margin is None:
        return Enough(None, None)
    return enough_to_decide(result.against_best, result.margin)
