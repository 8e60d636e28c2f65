"""Measures forgetting: the change of a task that a plan does not train, and scores on other data.

Each change is the value after training minus the value before training, of the same seed.
`analysis.outcomes` judges it by the interval of `analysis.paired`: equivalent, below, above or
undecided. Each change has an interval of its own, with a level of 5 % over all looks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isclose
from statistics import fmean

from mtl_core.analysis.marks import GoldLabels, final_answers, mark
from mtl_core.analysis.outcomes import Against, OutcomeRule, against
from mtl_core.analysis.paired.intervals import (
    PairedDifference,
    difference_between_data,
    differences_from,
)
from mtl_core.analysis.paired.scores import SeedScore, seed_score
from mtl_core.analysis.plans import PlanResult, Verdict
from mtl_core.analysis.summary import RunSummary
from mtl_core.analysis.trained import UntrainedReason, encoder_moved, loss_is_used, untrained_reason
from mtl_core.tasks.task import Task
from mtl_core.training.events import Answers, Evaluation, TaskScore


@dataclass(frozen=True, slots=True)
class Change:
    """A value before and after training, as means over the seeds.

    `low` and `high` are the lowest and the highest change of a single seed.
    """

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
    def is_zero(self) -> bool:
        """Whether no seed's value changed at all."""
        return self.low == self.high == 0


@dataclass(frozen=True, slots=True)
class Forgetting:
    """A task that a plan does not train: its headline metric and loss on the judged split.

    `loss` is None if a run has none. `lowest` and `highest` are the metric of the worst and the
    best seed after training. `judged` compares the scores after training with those before it.
    `loss_used` is whether the task's loss trained any parameter, which is possible with a frozen
    head. `encoder_moved` and `loss_used` are None if unknown or if the runs differ.
    """

    plan: str
    task: Task
    why: UntrainedReason
    metric: Change
    loss: Change | None
    lowest: float
    highest: float
    encoder_moved: bool | None
    loss_used: bool | None
    judged: Against

    @property
    def has_changed(self) -> bool:
        """Whether the score after training is shown to be below or above that before it."""
        return self.judged.verdict in (Verdict.BELOW, Verdict.ABOVE)


@dataclass(frozen=True, slots=True)
class OtherDataScores:
    """A task's scores on data that the plan's runs are not trained on.

    `on_own_data` is the headline metric on the judged split of their own data, after training.
    `difference` is the score after training less `on_own_data`, with its interval.
    """

    plan: str
    task: Task
    data: str
    metric: Change
    loss: Change | None
    on_own_data: float
    difference: PairedDifference | None = None


def forgetting(
    plan: PlanResult, gold: GoldLabels | None = None, rule: OutcomeRule | None = None
) -> tuple[Forgetting, ...]:
    """Returns the tasks that the plan's finished runs do not train.

    `gold` are the correct labels of the sentences; without them only seeds are paired.
    """
    rule = rule or OutcomeRule()
    found = (_forgotten(plan, result.task, gold or {}, rule) for result in plan.tasks.values())
    return tuple(each for each in found if each is not None)


def scores_on_other_data(
    plan: PlanResult, gold: GoldLabels | None = None
) -> tuple[OtherDataScores, ...]:
    """Returns the scores by other data set and task that exist before and after training.

    `gold` are the correct labels of the sentences; without them only seeds are tested.
    """
    runs = _finished(plan)
    names = dict.fromkeys(each.split for run in runs for each in run.other_data)
    return tuple(
        found
        for data in names
        for result in plan.tasks.values()
        if (found := _on_other_data(plan.label, runs, result.task, data, gold or {}))
    )


def _forgotten(
    plan: PlanResult, task: Task, gold: GoldLabels, rule: OutcomeRule
) -> Forgetting | None:
    runs = _finished(plan)
    reasons = [untrained_reason(task, run) for run in runs]
    why = reasons[0] if reasons and len(set(reasons)) == 1 else None
    ends = [ends for run in runs if (ends := _before_and_after(run, task))]
    if why is None or not ends:
        return None
    metric = [
        (start.headline, end.headline)
        for start, end in ends
        if start.headline is not None and end.headline is not None
    ]
    if not metric:  # undefined: no entities
        return None
    after = [end for _, end in metric]
    return Forgetting(
        plan=plan.label,
        task=task,
        why=why,
        metric=_change(metric),
        loss=_loss(ends),
        lowest=min(after),
        highest=max(after),
        encoder_moved=_common_value(encoder_moved(run) for run in runs),
        loss_used=_common_value(loss_is_used(task, run) for run in runs),
        judged=_judged(runs, task, gold, rule),
    )


def _judged(runs: Sequence[RunSummary], task: Task, gold: GoldLabels, rule: OutcomeRule) -> Against:
    """Compares each run's score after training with its own score before training.

    That is the same for all seeds if they start from one trained model.
    """
    start, end = {}, {}
    for run in runs:
        ends = _before_and_after(run, task)
        answers = run.judged_answers(task.name)
        if ends is not None and _are_defined(*ends):
            first, last = (answers[0], answers[-1]) if len(answers) > 1 else (None, None)
            start[run.spec.seed] = _marked(first, ends[0], task, gold)
            end[run.spec.seed] = _marked(last, ends[1], task, gold)
    scores = {"before": start, "after": end}
    intervals = differences_from(scores, "before", rule.looks, by_part=True)
    return against(intervals.get("after"), rule.margin_of(task))


def _marked(answers: Answers | None, score: TaskScore, task: Task, gold: GoldLabels) -> SeedScore:
    """Returns a score, with the marks of its sentences if those are known and give that score."""
    value = score.headline
    if value is None:
        raise AssertionError("an undefined score has no marks")
    marks = mark(answers, task, gold) if answers is not None else None
    known = marks is not None and isclose(marks.score, value, abs_tol=1e-9)
    return seed_score(marks) if marks is not None and known else SeedScore(value)


def _are_defined(*scores: TaskScore) -> bool:
    return all(score.headline is not None for score in scores)


def _on_other_data(
    label: str, runs: Sequence[RunSummary], task: Task, data: str, gold: GoldLabels
) -> OtherDataScores | None:
    ends, own, metric = [], [], []
    here, there = {}, {}
    for run in runs:
        scores = [each.tasks[task.name] for each in run.other_data if _is_of(each, data, task)]
        if len(scores) > 1 and run.finished and task.name in run.finished.metrics:
            on_own = run.finished.metrics[task.name]
            values = (scores[0].headline, scores[-1].headline, on_own.headline)
            if values[0] is None or values[1] is None or values[2] is None:
                continue  # undefined: no entities
            ends.append((scores[0], scores[-1]))
            metric.append((values[0], values[1]))
            own.append(values[2])
            seed, name = run.spec.seed, task.name
            here[seed] = _marked(final_answers(run, name), on_own, task, gold)
            there[seed] = _marked(final_answers(run, name, data), scores[-1], task, gold)
    if not ends:
        return None
    between = difference_between_data(there, here)
    return OtherDataScores(label, task, data, _change(metric), _loss(ends), fmean(own), between)


def _is_of(evaluation: Evaluation, data: str, task: Task) -> bool:
    return evaluation.split == data and task.name in evaluation.tasks


def _finished(plan: PlanResult) -> list[RunSummary]:
    return [run for run in plan.runs.values() if run.finished is not None]


def _before_and_after(run: RunSummary, task: Task) -> tuple[TaskScore, TaskScore] | None:
    before = run.score_before(task.name)
    if before is None or run.finished is None or task.name not in run.finished.metrics:
        return None
    return before, run.finished.metrics[task.name]


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


def _common_value(values: Iterable[bool | None]) -> bool | None:
    """Returns the value if all values are equal, else None."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None
