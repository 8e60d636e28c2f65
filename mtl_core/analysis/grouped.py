"""Runs of several plans and seeds, gathered by plan: means, ranges, and what is within noise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mtl_core.analysis.summary import RunSummary
from mtl_core.tasks.task import Task


class Verdict(StrEnum):
    """What a paired test says of a plan against another."""

    BEST = "best"
    WITHIN_NOISE = "within noise"
    BELOW = "below"
    OPEN = "open"  # too few finished runs, or none on the same sentences and seeds


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """One plan less another on the same seeds and the same validation sentences.

    `low` and `high` bound 95 % of what chance over seeds and sentences would give; `seeds` and
    `sentences` are how many pairs it rests on.
    """

    effect: float
    low: float
    high: float
    seeds: int
    sentences: int

    @property
    def told_apart(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A plan on one task over its finished seeds: the headline metric (accuracy, entity F1).

    `low` and `high` are the lowest and the highest seed; `against_best` is None for the best
    itself and while open.
    """

    task: Task
    mean: float | None
    low: float | None
    high: float | None
    before: float | None
    seeds: int
    verdict: Verdict = Verdict.OPEN
    against_best: PairedDifference | None = None


@dataclass(frozen=True, slots=True)
class PlanResult:
    """One plan of a comparison.

    `label` is what it is called here, `runs` its runs by seed, finished or not; `seconds`,
    `peak_memory_bytes` are means over the finished ones. `trainable` and `total` count
    parameters, the most that learn in any phase.
    """

    label: str
    scenario: str | None
    runs: Mapping[int, RunSummary]
    tasks: Mapping[str, TaskResult]
    seconds: float | None
    peak_memory_bytes: float | None
    trainable: int | None
    total: int | None
    frozen_exact: bool | None
    converged: Mapping[str, bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupedComparison:
    """All plans, in the order in which they were asked for."""

    plans: tuple[PlanResult, ...]
    tasks: tuple[Task, ...]
    seeds: tuple[int, ...]
    same_questions: bool
    beyond_plan: tuple[str, ...]  # what else than plan and seed differs
