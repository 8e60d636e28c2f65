"""Decides whether a plan converged on a task, by its mean validation loss over the seeds.

The first rule that applies decides:

1. fewer than three evaluations, including the one before training: open;
2. the last loss is at least 5 % above the lowest: overfitting since the epoch of the lowest;
3. the last epoch lowered the loss by 2 % or more: still falling. It starts at the latest evaluation
   that is an epoch or more before the last one, in shorter runs at the evaluation before the last;
4. otherwise flat.

A learning rate that falls to zero flattens every loss at the end. Flat then means that this length
and schedule are used up, not that a longer run would not improve.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from mtl_core.analysis.finding import CLEAR, FLAT
from mtl_core.analysis.summary import RunSummary

LEAST_EVALUATIONS = 3


class Trend(StrEnum):
    """The course of a loss at the end of a run."""

    FALLING = "still falling"
    FLAT = "flat"
    OVERFITTING = "overfitting"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Convergence:
    """The trend of a loss; `since` is the epoch of the lowest loss if it rose afterwards."""

    trend: Trend
    since: float | None = None

    @property
    def converged(self) -> bool | None:
        """Whether the loss reached its lowest value: flat or overfitting. None while open."""
        return None if self.trend is Trend.OPEN else self.trend is not Trend.FALLING

    @property
    def words(self) -> str:
        """The text of a table cell: "overfitting since epoch 1.5"."""
        return self.trend if self.since is None else f"{self.trend} since epoch {self.since:.3g}"


def convergence(runs: Sequence[RunSummary], task: str) -> Convergence:
    """Judges a plan on one task; evaluations that some runs lack are omitted."""
    points = _mean_losses(runs, task)
    if len(points) < LEAST_EVALUATIONS:
        return Convergence(Trend.OPEN)
    last = points[-1][1]
    epoch, lowest = min(points, key=lambda point: point[1])
    if last > lowest and last >= lowest * (1 + CLEAR):
        return Convergence(Trend.OVERFITTING, epoch)
    before = _an_epoch_before(points)
    if last < before and last <= before * (1 - FLAT):
        return Convergence(Trend.FALLING)
    return Convergence(Trend.FLAT)


def _an_epoch_before(points: Sequence[tuple[float, float]]) -> float:
    """The loss an epoch before the last point, of (epoch, loss)."""
    end = points[-1][0]
    earlier = [loss for epoch, loss in points if epoch <= end - 1]
    return earlier[-1] if earlier else points[-2][1]


def _mean_losses(runs: Sequence[RunSummary], task: str) -> list[tuple[float, float]]:
    """(epoch, mean loss) by step."""
    by_run = [
        {
            point.step: (point.epoch, point.score.loss)
            for point in run.task(task).evaluations
            if point.score.loss is not None
        }
        for run in runs
    ]
    if not by_run:
        return []
    steps = sorted(set(by_run[0]).intersection(*by_run[1:]))
    return [(by_run[0][step][0], fmean(each[step][1] for each in by_run)) for step in steps]
