"""What became of what a plan does not train: a task that is left out, and data of another kind.

Each number is compared with itself: a seed's end less the same seed's start. Whether a task that
was left out changed is judged as two plans are, by `analysis.paired` over the same seeds and the
same sentences, where the runs told their answers or there are two seeds; else by the sign alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isclose
from statistics import fmean

from mtl_core.analysis.marks import GoldLabels, mark
from mtl_core.analysis.paired import PairedDifference, SeedScore, against_best, seed_score
from mtl_core.analysis.plans import PlanResult
from mtl_core.analysis.summary import RunSummary
from mtl_core.analysis.trained import LeftOut, encoder_moved, left_out, teaches
from mtl_core.tasks.task import Task
from mtl_core.training.events import Answers, Evaluation, TaskScore


class Outcome(StrEnum):
    """What a change over seeds comes to."""

    EXACT = "exactly as before"
    LOST = "lost"
    GAINED = "gained"
    UNCLEAR = "within noise"


@dataclass(frozen=True, slots=True)
class Change:
    """A number before and after training: means over the seeds, and each seed's own change,
    `low` the lowest and `high` the highest of them."""

    before: float
    after: float
    low: float
    high: float
    seeds: int

    @property
    def mean(self) -> float:
        """The mean change."""
        return self.after - self.before

    @property
    def outcome(self) -> Outcome:
        """By the sign of every seed's change, of a number of which more is better."""
        if self.low == self.high == 0:
            return Outcome.EXACT
        if self.low <= 0 <= self.high:
            return Outcome.UNCLEAR
        return Outcome.LOST if self.high < 0 else Outcome.GAINED


@dataclass(frozen=True, slots=True)
class Forgetting:
    """A task that a plan does not train: its headline metric and validation loss at both ends.

    `loss` is None where some run's has none. `lowest` and `highest` are the metric at the end of
    the worst and the best seed, `tested` the paired test of the change, None where there is too
    little for one. `encoder_moved` and `still_taught` (its loss reached something
    that learns, which a frozen head does not prevent) are None where the runs do not tell.
    """

    plan: str
    task: Task
    why: LeftOut
    metric: Change
    loss: Change | None
    lowest: float
    highest: float
    encoder_moved: bool | None
    still_taught: bool | None
    tested: PairedDifference | None = None

    @property
    def outcome(self) -> Outcome:
        """What became of the metric: where there was a test, by that."""
        if self.tested is None or self.metric.outcome is Outcome.EXACT:
            return self.metric.outcome
        if not self.tested.significant:
            return Outcome.UNCLEAR
        return Outcome.LOST if self.tested.effect < 0 else Outcome.GAINED

    @property
    def is_clear(self) -> bool:
        """Whether the task lost or gained something, chance apart."""
        return self.outcome in (Outcome.LOST, Outcome.GAINED)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A task on data that the plan's runs do not learn from; `at_home` is the headline metric on
    the validation split of their own data, after training."""

    plan: str
    task: Task
    data: str
    metric: Change
    loss: Change | None
    at_home: float


def forgetting(plan: PlanResult, gold: GoldLabels | None = None) -> tuple[Forgetting, ...]:
    """Every task that the plan's finished runs do not train. With `gold`, the right labels of
    their validation sentences, the test sees sentences and not only seeds."""
    found = (_forgotten(plan, result.task, gold or {}) for result in plan.tasks.values())
    return tuple(each for each in found if each is not None)


def scored_elsewhere(plan: PlanResult) -> tuple[Elsewhere, ...]:
    """Every task on every other data that the plan's finished runs were scored on at both ends."""
    runs = _finished(plan)
    names = dict.fromkeys(each.split for run in runs for each in run.elsewhere)
    return tuple(
        found
        for data in names
        for result in plan.tasks.values()
        if (found := _on_other_data(plan.label, runs, result.task, data))
    )


def _forgotten(plan: PlanResult, task: Task, gold: GoldLabels) -> Forgetting | None:
    runs = _finished(plan)
    reasons = [left_out(task, run) for run in runs]
    why = reasons[0] if reasons and len(set(reasons)) == 1 else None
    ends = [ends for run in runs if (ends := _at_both_ends(run, task))]
    if why is None or not ends:
        return None
    after = [end.headline for _, end in ends]
    return Forgetting(
        plan=plan.label,
        task=task,
        why=why,
        metric=_change([(start.headline, end.headline) for start, end in ends]),
        loss=_loss(ends),
        lowest=min(after),
        highest=max(after),
        encoder_moved=_agreed(encoder_moved(run) for run in runs),
        still_taught=_agreed(teaches(task, run) for run in runs),
        tested=_tested(runs, task, gold),
    )


def _tested(runs: Sequence[RunSummary], task: Task, gold: GoldLabels) -> PairedDifference | None:
    """The end of each run against its own start, over seeds and sentences."""
    start, end = {}, {}
    for run in runs:
        ends = _at_both_ends(run, task)
        told = [each for each in run.answers if each.split == "validation"]
        if ends is not None:
            first, last = (told[0], told[-1]) if len(told) > 1 else (None, None)
            start[run.spec.seed] = _marked(first, ends[0], task, gold)
            end[run.spec.seed] = _marked(last, ends[1], task, gold)
    return against_best({"start": start, "end": end}, "start").get("end")


def _marked(answers: Answers | None, score: TaskScore, task: Task, gold: GoldLabels) -> SeedScore:
    """A score with its sentences, where the answers are known and give that score."""
    marks = mark(answers, task, gold) if answers is not None else None
    known = marks is not None and isclose(marks.score, score.headline, abs_tol=1e-9)
    return seed_score(marks) if marks is not None and known else SeedScore(score.headline)


def _on_other_data(
    label: str, runs: Sequence[RunSummary], task: Task, data: str
) -> Elsewhere | None:
    ends, home = [], []
    for run in runs:
        told = [each.tasks[task.name] for each in run.elsewhere if _is_of(each, data, task)]
        if len(told) > 1 and run.finished and task.name in run.finished.metrics:
            ends.append((told[0], told[-1]))
            home.append(run.finished.metrics[task.name].headline)
    if not ends:
        return None
    change = _change([(start.headline, end.headline) for start, end in ends])
    return Elsewhere(label, task, data, change, _loss(ends), fmean(home))


def _is_of(evaluation: Evaluation, data: str, task: Task) -> bool:
    return evaluation.split == data and task.name in evaluation.tasks


def _finished(plan: PlanResult) -> list[RunSummary]:
    return [run for run in plan.runs.values() if run.finished is not None]


def _at_both_ends(run: RunSummary, task: Task) -> tuple[TaskScore, TaskScore] | None:
    points = run.task(task.name).evaluations
    if not points or run.finished is None or task.name not in run.finished.metrics:
        return None
    return points[0].score, run.finished.metrics[task.name]


def _loss(ends: Sequence[tuple[TaskScore, TaskScore]]) -> Change | None:
    pairs = [(a.loss, b.loss) for a, b in ends if a.loss is not None and b.loss is not None]
    return _change(pairs) if pairs and len(pairs) == len(ends) else None


def _change(pairs: Sequence[tuple[float, float]]) -> Change:
    changes = [after - before for before, after in pairs]
    return Change(
        before=fmean(before for before, _ in pairs),
        after=fmean(after for _, after in pairs),
        low=min(changes),
        high=max(changes),
        seeds=len(pairs),
    )


def _agreed(told: Iterable[bool | None]) -> bool | None:
    """What all runs say; None where one does not tell, or they say different things."""
    said = set(told)
    return said.pop() if len(said) == 1 else None
