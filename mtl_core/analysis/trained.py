"""Which tasks a run trains: whether a task's head learns, and whether its loss teaches anything."""

from enum import StrEnum

from mtl_core.analysis.summary import Progress, RunSummary
from mtl_core.tasks.task import Task


class LeftOut(StrEnum):
    """Why a run does not train a task."""

    NO_SENTENCES = "it had no training sentence"
    NO_WEIGHT = "its loss had no weight"
    FROZEN_HEAD = "its head was frozen"


def left_out(task: Task, run: RunSummary) -> LeftOut | None:
    """Why the run does not train the task; None where it does, or where that is not known.

    A head frozen by name speaks before the weight of its loss: it is what was asked for. Without a
    weight no head learns, so that nothing else can be told of it.
    """
    if not _has_sentences(task, run):
        return LeftOut.NO_SENTENCES
    if f"head:{task.name}" in run.spec.plan.freeze:
        return LeftOut.FROZEN_HEAD
    if _weight(task, run) == 0:
        return LeftOut.NO_WEIGHT
    return LeftOut.FROZEN_HEAD if head_learns(task, run) is False else None


def head_learns(task: Task, run: RunSummary) -> bool | None:
    """Whether the task's head learns in the run and has sentences to learn from; None where
    neither the model nor the run's own measurements tell."""
    if not _has_sentences(task, run):
        return False
    if any(phase.reaching is not None for phase in run.phases):  # the model is known
        begun = [phase for phase in run.phases if phase.state is not Progress.WAITING]
        return any(task.head in phase.thawed for phase in begun)
    if run.measured is not None and task.head in run.measured.groups:
        return run.measured.groups[task.head].moved > 0
    return None


def teaches(task: Task, run: RunSummary) -> bool | None:
    """Whether the task's loss reaches something that learns; None where the model is not known."""
    if not _has_sentences(task, run) or _weight(task, run) == 0:
        return False
    known = [phase.reaching for phase in run.phases if phase.reaching is not None]
    return any(task.name in reaching for reaching in known) if known else None


def encoder_moved(run: RunSummary) -> bool | None:
    """Whether anything but a head ended elsewhere than it began; None where nothing tells.

    By what the run measured; without that by what its plan let learn.
    """
    heads = {task.head for task in run.spec.tasks}
    if run.measured is not None:
        return any(each.moved > 0 for n, each in run.measured.groups.items() if n not in heads)
    if any(phase.reaching is not None for phase in run.phases):
        return any(set(phase.thawed) - heads for phase in run.phases)
    return None


def _has_sentences(task: Task, run: RunSummary) -> bool:
    """True too while the run has not told its numbers of sentences."""
    return not run.examples or bool(run.examples.get(task.name, {}).get("train"))


def _weight(task: Task, run: RunSummary) -> float:
    return run.spec.plan.task_weights.get(task.name, 1.0)
