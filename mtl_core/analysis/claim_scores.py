"""Reads the scores that claims compare from finished runs, each with its sentences if known."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter

from mtl_core.analysis.claim_rules import OWN_DATA, Arm
from mtl_core.analysis.marks import GoldLabels
from mtl_core.analysis.paired.scores import Scores, SeedScore, marked_score
from mtl_core.analysis.summary import RunSummary
from mtl_core.training.events import Answers, TaskScore

Runs = Mapping[int, RunSummary]
"""The finished runs of an arm by seed."""

Evidence = Mapping[Arm, Runs]
"""The finished runs of each arm."""

Gold = Mapping[str, GoldLabels]
"""The correct labels for runs on data of this name; those of other data are splits of their own."""

Series = Sequence[tuple[int, SeedScore]]
"""Scores of one run with the number of steps before them, in order."""


def scores_before(runs: Runs, task: str, data: str, gold: Gold) -> Scores:
    """The headline scores before training; seeds without one are left out."""
    return {seed: found[0][1] for seed, found in _all_series(runs, task, data, gold).items()}


def scores_after(runs: Runs, task: str, data: str, gold: Gold) -> Scores:
    """The headline scores after training; seeds without one are left out."""
    return {seed: found[-1][1] for seed, found in _all_series(runs, task, data, gold).items()}


def values_by_seed(runs: Runs, value: Callable[[RunSummary], float | None]) -> dict[int, float]:
    """A value of each run; seeds without one are left out."""
    found = {seed: value(run) for seed, run in runs.items()}
    return {seed: each for seed, each in found.items() if each is not None}


def validation_curve(
    run: RunSummary, task: str, value: Callable[[TaskScore], float | None] = attrgetter("headline")
) -> list[tuple[int, float, float]]:
    """Step, epoch and a value of each evaluation on validation sentences: the headline metric.

    Evaluations without the value are left out.
    """
    known = next((each for each in run.tasks if each.task.name == task), None)
    points = known.evaluations if known else ()
    found = [(point.step, point.epoch, value(point.score)) for point in points]
    return [(step, epoch, each) for step, epoch, each in found if each is not None]


def mixed(one: SeedScore, other: SeedScore, share: float) -> SeedScore:
    """The scores at a point between two others: (1 - share) of `one` and `share` of `other`.

    The values of the sentences are mixed alike, so that their mean remains the score.
    """
    value = (1 - share) * one.value + share * other.value
    if one.by_sentence is None or other.by_sentence is None or one.places != other.places:
        return SeedScore(value)
    return SeedScore(value, (1 - share) * one.by_sentence + share * other.by_sentence, one.places)


def scaled(scores: Scores, share: float) -> Scores:
    """The scores multiplied by a share, sentence by sentence."""
    return {
        seed: SeedScore(
            share * each.value,
            None if each.by_sentence is None else share * each.by_sentence,
            each.places,
        )
        for seed, each in scores.items()
    }


def summed(ones: Scores, others: Scores) -> Scores:
    """The sum of two scores for each shared seed, sentence by sentence."""
    found = {}
    for seed in sorted(set(ones) & set(others)):
        one, other = ones[seed], others[seed]
        if one.by_sentence is None or other.by_sentence is None or one.places != other.places:
            found[seed] = SeedScore(one.value + other.value)
        else:
            values = one.by_sentence + other.by_sentence
            found[seed] = SeedScore(one.value + other.value, values, one.places)
    return found


def epochs_until(run: RunSummary, task: str, of_end: float) -> float | None:
    """Epochs until a run first has this share of its last validation score.

    Interpolated between evaluations; None without two evaluations or with a last score of 0.
    """
    curve = validation_curve(run, task)
    if len(curve) < 2 or curve[-1][2] <= 0:
        return None
    target = of_end * curve[-1][2]
    place = next(n for n, (_, _, score) in enumerate(curve) if score >= target)
    if place == 0:
        return curve[0][1]
    (_, earlier, low), (_, later, high) = curve[place - 1], curve[place]
    return earlier + (later - earlier) * (target - low) / (high - low)


def _all_series(runs: Runs, task: str, data: str, gold: Gold) -> dict[int, Series]:
    found = {seed: series_of(run, task, data, gold) for seed, run in runs.items()}
    return {seed: series for seed, series in found.items() if len(series) > 1}


def series_of(run: RunSummary, name: str, data: str, gold: Gold) -> Series:
    """The scores of a finished run on its own data or on other data, in order of steps.

    Without scores for a run that is not finished.
    """
    task = next((each.task for each in run.tasks if each.task.name == name), None)
    if task is None or run.finished is None:
        return ()
    labels = gold.get(run.spec.data, {})
    own = data in (OWN_DATA, run.spec.data)
    return [
        (step, marked_score(score.headline, answers, task, labels))
        for step, score, answers in (_own(run, name) if own else _elsewhere(run, name, data))
        if score.headline is not None
    ]


_Point = tuple[int, TaskScore, Answers | None]
"""Steps, the score after them, and the predictions."""


def _own(run: RunSummary, task: str) -> list[_Point]:
    """The ends of a run: predictions on its own test sentences are stored there only."""
    before = run.score_before(task)
    after = run.finished.metrics.get(task) if run.finished else None
    answers = run.judged_answers(task)
    first, last = (answers[0], answers[-1]) if len(answers) > 1 else (None, None)
    ends = [(0, before, first), (run.step, after, last)]
    return [(step, score, stored) for step, score, stored in ends if score is not None]


def _elsewhere(run: RunSummary, task: str, data: str) -> list[_Point]:
    answers = {each.step: each for each in run.judged_answers(task, data)}
    return [
        (each.step, each.tasks[task], answers.get(each.step))
        for each in run.other_data
        if each.split == data and task in each.tasks
    ]
