"""Compares a task in two arms where both have gained the same on a new task.

The gain is how much the validation loss of the new task has fallen. Formulas: docs/measures.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan, nan
from statistics import fmean

import numpy as np

from mtl_core.analysis.claim_intervals import Estimate, of_mean, of_pairs
from mtl_core.analysis.claim_rules import KeepsMore
from mtl_core.analysis.claim_scores import (
    Evidence,
    Gold,
    Runs,
    Series,
    mixed,
    series_of,
    validation_curve,
)
from mtl_core.analysis.claim_verdicts import (
    ClaimVerdict,
    Finding,
    judged,
    undecided_if_kept,
    without_effect,
)
from mtl_core.analysis.paired.intervals import difference
from mtl_core.analysis.paired.scores import Scores, SeedScore
from mtl_core.analysis.summary import RunSummary
from mtl_core.text import signed

_Curve = list[tuple[int, float, float]]
"""Step, epoch and minus the mean validation loss."""


@dataclass(frozen=True, slots=True)
class _Stage:
    """An arm of a second stage: by seed its curve on the new task and its scores of the other.

    `headlines` are the validation scores of the new task, with the steps and epochs of the curve.
    """

    curves: dict[int, _Curve]
    scores: dict[int, dict[int, SeedScore]]
    headlines: dict[int, _Curve]

    @classmethod
    def of(cls, runs: Runs, rule: KeepsMore, gold: Gold) -> "_Stage":
        """The curves and scores of the runs."""
        series: dict[int, Series] = {
            seed: series_of(run, rule.task, rule.data, gold) for seed, run in runs.items()
        }
        return cls(
            {seed: _curve(run, rule.new_task) for seed, run in runs.items()},
            {seed: dict(each) for seed, each in series.items()},
            {seed: validation_curve(run, rule.new_task) for seed, run in runs.items()},
        )

    def mean_curve(self, seeds: Sequence[int]) -> _Curve:
        """The mean curve of runs that were evaluated at the same steps, else empty."""
        return _mean([self.curves[seed] for seed in seeds])

    def headline_at(self, epoch: float) -> tuple[float, float]:
        """The mean score of the new task at the start, and after `epoch`, interpolated."""
        curve = _mean(list(self.headlines.values()))
        epochs, values = [each[1] for each in curve], [each[2] for each in curve]
        return values[0], float(np.interp(epoch, epochs, values))

    def loss_at(self, scores: Scores) -> float:
        """By how much the mean score of the other task is below its start."""
        start = fmean(each[min(each)].value for each in self.scores.values())
        return start - fmean(score.value for score in scores.values())


@dataclass(frozen=True, slots=True)
class _Moment:
    """The scores of two arms at the same gain, and the epochs after which each had it."""

    ones: Scores
    others: Scores
    gain: float
    epochs: tuple[float, ...] = ()

    @property
    def effect(self) -> float:
        """The mean difference of the scores."""
        return fmean(self.ones[seed].value - self.others[seed].value for seed in self.ones)


def keeps_more(rule: KeepsMore, evidence: Evidence, gold: Gold) -> Finding:
    """Judges whether a task scores higher in one arm at an equal gain on the new task."""
    runs = [evidence.get(arm, {}) for arm in (rule.arm, rule.against)]
    shared = sorted(set(runs[0]) & set(runs[1]))
    if len(shared) < 2:
        return Finding(ClaimVerdict.OPEN)
    stages = [_Stage.of({s: each[s] for s in shared}, rule, gold) for each in runs]
    found = _at_equal_gain(stages, shared)
    if found is None:
        return Finding(ClaimVerdict.OPEN, detail="there are no scores during training")
    without = {
        seed: _at_equal_gain(stages, [other for other in shared if other != seed])
        for seed in shared
    }
    moments = [found, *without.values()]
    if any(each is None or each.gain <= 0 for each in moments):
        nothing = f"no effect is given: one of the two plans gained nothing on {rule.new_task}"
        few = nothing if found.gain <= 0 else f"{nothing} without one of the seeds"
        return without_effect(few, margin=rule.margin)
    effects = {seed: each.effect for seed, each in without.items() if each is not None}
    finding = judged(_with_error_of_moment(found, effects), 0.0, rule.margin)
    finding = replace(finding, detail=_words(found, stages, shared, rule.new_task))
    learned = [stage.headline_at(epoch) for stage, epoch in zip(stages, found.epochs, strict=True)]
    if any(now <= start for start, now in learned):
        scores = " and ".join(f"{now:.3f}" for _, now in learned)
        nothing = (
            f"no effect is given: the two plans are compared at equal gains on {rule.new_task}, "
            f"but its score was {learned[0][0]:.3f} before training and {scores} there"
        )
        return without_effect(f"{nothing}; {finding.detail}", margin=rule.margin)
    return undecided_if_kept(finding, stages[1].loss_at(found.others))


def _mean(curves: Sequence[_Curve]) -> _Curve:
    """The mean of curves with the same steps and epochs, else an empty one."""
    if any([p[:2] for p in curve] != [p[:2] for p in curves[0]] for curve in curves):
        return []
    return [
        (step, epoch, fmean(curve[place][2] for curve in curves))
        for place, (step, epoch, _) in enumerate(curves[0])
    ]


def _words(found: _Moment, stages: Sequence[_Stage], seeds: Sequence[int], new_task: str) -> str:
    epochs = " and ".join(f"{epoch:.2g}" for epoch in found.epochs)
    ends = [fmean(_last(stage.scores[seed]) for seed in seeds) for stage in stages]
    return (
        f"compared where the loss of {new_task} has fallen by {found.gain:.3f}, after {epochs} "
        f"epochs; {signed(ends[0] - ends[1])} at the end of training"
    )


def _last(scores: dict[int, SeedScore]) -> float:
    return scores[max(scores)].value


def _curve(run: RunSummary, task: str) -> _Curve:
    points = validation_curve(run, task, lambda score: nan if score.loss is None else -score.loss)
    return [point for point in points if not isnan(point[2])]


def _at_equal_gain(stages: Sequence[_Stage], seeds: Sequence[int]) -> _Moment | None:
    """The scores where both arms have the same gain on the new task.

    The gain is that of the mean curve over the seeds since the start. The smaller of the two arms'
    highest gains is the target. Each arm is read where its gain first reaches the target; between
    two evaluations, gain and scores are interpolated linearly. Without scores if the target is not
    above 0: an arm has gained nothing. None if scores during training are missing.
    """
    curves = [stage.mean_curve(seeds) for stage in stages]
    if not all(len(curve) > 1 for curve in curves):
        return None
    target = min(max(score - curve[0][2] for _, _, score in curve) for curve in curves)
    if target <= 0:
        return _Moment({}, {}, target)
    found, epochs = [], []
    for stage, curve in zip(stages, curves, strict=True):
        before, after, share = _first_at(curve, target)
        series = {seed: stage.scores[seed] for seed in seeds}
        if any(not {before[0], after[0]} <= set(each) for each in series.values()):
            return None
        found.append({s: mixed(e[before[0]], e[after[0]], share) for s, e in series.items()})
        epochs.append((1 - share) * before[1] + share * after[1])
    return _Moment(found[0], found[1], target, tuple(epochs))


def _first_at(curve: _Curve, gain: float) -> tuple[tuple[int, float], tuple[int, float], float]:
    """The evaluations between which the gain is first reached, and the share between them."""
    start = curve[0][2]
    place = next(n for n, (_, _, score) in enumerate(curve) if score - start >= gain)
    (before, earlier, low), (after, later, high) = curve[place - 1], curve[place]
    return (before, earlier), (after, later), (start + gain - low) / (high - low)


def _with_error_of_moment(found: _Moment, without: dict[int, float]) -> Estimate | None:
    """The estimate whose variance over seeds is that of the whole procedure.

    The pseudo-value of a seed is n times the effect of all seeds minus n - 1 times that without the
    seed (the jackknife: Tukey 1958). The scores of each seed are moved by what its pseudo-value
    differs from its difference, so that the mean stays the effect of all seeds.
    """
    number = len(without)
    moved = {
        seed: number * found.effect
        - (number - 1) * left
        - (found.ones[seed].value - found.others[seed].value)
        for seed, left in without.items()
    }
    centre = fmean(moved.values())
    ones = {seed: _moved(found.ones[seed], by - centre) for seed, by in moved.items()}
    estimate = difference(ones, found.others)
    if estimate is not None:
        return of_pairs(estimate)
    return of_mean([ones[seed].value - found.others[seed].value for seed in ones])


def _moved(score: SeedScore, by: float) -> SeedScore:
    values = None if score.by_sentence is None else score.by_sentence + by
    return SeedScore(score.value + by, values, score.places)
