"""Describes the course of a task's loss in a few words: the title of its panel.

The rules use the validation loss, which is always measured on the same sentences; the training loss
of a step depends on its batch. The first rule that applies gives the words:

1. the task's loss reaches nothing that was trained so far: it "is not trained";
2. there are fewer than two evaluations: where it starts;
3. the current phase unfroze something, its steps lower the loss at least twice as fast as those of
   the phase before, and by at least 5 % in total: it "dropped after unfreezing …";
4. the latest is at least 5 % above the lowest: it "has risen since" the step of the lowest;
5. the last three evaluations or more lie within 2 % of the latest: it is "flat since" the first
   of these;
6. the latest is at least 2 % below the first: it "falls", or "falls slowly now" when the last
   interval's slope is under a quarter of the average one;
7. otherwise it "has hardly changed".

For a finished run, 4 and 6 use the past tense: it "rose from" that step on, "fell", or "was still
falling slowly at the end".
"""

from collections.abc import Sequence
from itertools import takewhile

from mtl_core.analysis.summary import PhaseProgress, ProgressState, RunSummary, TaskProgress
from mtl_core.text import listed

FLAT = 0.02
CLEAR = 0.05
SLOW = 0.25
STEEPER = 2.0
FLAT_EVALUATIONS = 3

_PAST = {"falls": "fell", "falls slowly now": "was still falling slowly at the end"}

Points = Sequence[tuple[int, float]]


def loss_finding(summary: RunSummary, task: TaskProgress) -> str:
    """Returns the words that follow the task's name: "loss falls: 0.37 on validation"."""
    if _learns_nothing(summary, task):
        return "is not trained: its head and everything below are frozen"
    points = task.validation_losses
    if len(points) < 2:
        return _start(task)
    words = _movement(summary, points)
    if summary.finished is not None:
        words = _PAST.get(words, words.replace("has risen since", "rose from"))
    return f"loss {words}: {points[-1][1]:.2f} on validation"


def _learns_nothing(summary: RunSummary, task: TaskProgress) -> bool:
    started = [phase for phase in summary.phases if phase.state is not ProgressState.WAITING]
    return bool(started) and all(
        phase.trainable == 0
        or (phase.losses_used is not None and task.task.name not in phase.losses_used)
        for phase in started
    )


def _start(task: TaskProgress) -> str:
    points = task.validation_losses
    if points:
        return f"loss starts at {points[0][1]:.2f} on validation"
    if task.losses:
        return f"loss {task.losses[-1].smoothed:.2f} in training"
    return "loss is not measured yet"


def _movement(summary: RunSummary, points: Points) -> str:
    if (unfrozen := _dropped(summary.phase, points)) is not None:
        return f"dropped after unfreezing {unfrozen}"
    latest = points[-1][1]
    lowest_step, lowest = min(points, key=lambda point: (point[1], -point[0]))
    if latest >= lowest * (1 + CLEAR) and latest > lowest:
        return f"has risen since step {lowest_step:,}"
    level = list(takewhile(lambda point: abs(point[1] - latest) <= FLAT * latest, reversed(points)))
    if len(level) >= FLAT_EVALUATIONS:
        return f"flat since step {level[-1][0]:,}"
    if latest > points[0][1] * (1 - FLAT):
        return "has hardly changed"
    return "falls slowly now" if _slowly(points) else "falls"


def _dropped(phase: PhaseProgress | None, points: Points) -> str | None:
    """Returns what the phase unfroze, if that made the loss drop."""
    if phase is None or phase.number == 1 or not phase.newly_trainable or phase.first_step is None:
        return None
    before = [point for point in points if point[0] <= phase.first_step]
    during = [before[-1], *(p for p in points if p[0] > phase.first_step)] if before else []
    if len(before) < 2 or len(during) < 2 or before[-1][1] <= 0:
        return None
    fell = 1 - during[-1][1] / during[0][1]
    steeper = _slope(during) <= STEEPER * min(0.0, _slope(before[-2:]))
    return _group_names(phase.newly_trainable) if fell >= CLEAR and steeper else None


def _slowly(points: Points) -> bool:
    return len(points) > 2 and _slope(points[-2:]) > SLOW * _slope(points)


def _slope(points: Points) -> float:
    """Returns the change of the loss per step from the first point to the last."""
    (first_step, first), (last_step, last) = points[0], points[-1]
    return (last - first) / (last_step - first_step) if last_step > first_step else 0.0


def _group_names(names: Sequence[str]) -> str:
    return listed(names) if len(names) <= 3 else f"{len(names)} blocks"
