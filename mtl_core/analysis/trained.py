"""Determines which tasks a run trains, and whether their losses train the encoder."""

from enum import StrEnum

from mtl_core.analysis.summary import ProgressState, RunSummary
from mtl_core.tasks.task import Task


class UntrainedReason(StrEnum):
    """Why a run does not train a task."""

    NO_SENTENCES = "it had no training sentence"
    NO_WEIGHT = "its loss had no weight"
    FROZEN_HEAD = "its head was frozen"


def untrained_reason(task: Task, run: RunSummary) -> UntrainedReason | None:
    """Returns why the run does not train the task; None if it does, or if that is unknown.

    If the plan freezes the head by name and also gives the loss no weight, the reason is the frozen
    head: the plan states it explicitly.
    """
    if not _has_sentences(task, run):
        return UntrainedReason.NO_SENTENCES
    if f"head:{task.name}" in run.spec.plan.freeze:
        return UntrainedReason.FROZEN_HEAD
    if _weight(task, run) == 0:
        return UntrainedReason.NO_WEIGHT
    return UntrainedReason.FROZEN_HEAD if head_is_trained(task, run) is False else None


def head_is_trained(task: Task, run: RunSummary) -> bool | None:
    """Whether the run trains the task's head on any sentence.

    Returns None if both the model and the run's measurements are unknown.
    """
    if not _has_sentences(task, run):
        return False
    if any(phase.losses_used is not None for phase in run.phases):  # the model is known
        started = [phase for phase in run.phases if phase.state is not ProgressState.WAITING]
        return any(task.head in phase.newly_trainable for phase in started)
    if run.measured is not None and task.head in run.measured.groups:
        return run.measured.groups[task.head].moved > 0
    return None


def loss_is_used(task: Task, run: RunSummary) -> bool | None:
    """Whether the task's loss trains any parameter; None if the model is unknown."""
    if not _has_sentences(task, run) or _weight(task, run) == 0:
        return False
    known = [phase.losses_used for phase in run.phases if phase.losses_used is not None]
    return any(task.name in losses_used for losses_used in known) if known else None


def encoder_moved(run: RunSummary) -> bool | None:
    """Whether any parameter outside the heads changed.

    Uses the run's measurements if it has them, else the trainable groups of its plan. Returns None
    if both are unknown.
    """
    heads = {task.head for task in run.spec.tasks}
    if run.measured is not None:
        return any(each.moved > 0 for n, each in run.measured.groups.items() if n not in heads)
    if any(phase.losses_used is not None for phase in run.phases):
        return any(set(phase.newly_trainable) - heads for phase in run.phases)
    return None


def _has_sentences(task: Task, run: RunSummary) -> bool:
    """Whether the run trains on sentences of the task; True if the numbers are unknown."""
    return not run.examples or bool(run.examples.get(task.name, {}).get("train"))


def _weight(task: Task, run: RunSummary) -> float:
    return run.spec.plan.task_weights.get(task.name, 1.0)
