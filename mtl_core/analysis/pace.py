"""Measures the mean time of an optimiser step in a finished run."""

from collections.abc import Iterable
from dataclasses import dataclass

from mtl_core.store.record import RunRecord
from mtl_core.training.events import RunEvent, RunFinished, RunStarted
from mtl_core.training.spec import RunSpec

PACE_EVENTS = ("run_started", "run_finished")
"""The kinds of event that `pace_of` needs."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The mean time of a training step in one finished run, without evaluations.

    It depends on the trainable parts, batch size, maximum length and threads in `spec`.
    """

    run: str
    spec: RunSpec
    seconds_per_step: float


def pace_of(record: RunRecord, events: Iterable[RunEvent]) -> Pace | None:
    """Computes the pace from a run's events; None if the run has not finished or has no steps.

    None also for a run that was trained together with others, whose seconds are shared.
    """
    steps, seconds = 0, None
    for event in events:
        if isinstance(event, RunStarted):
            if event.spec.trained_together is not None:
                return None
            steps = event.total_steps
        elif isinstance(event, RunFinished):
            seconds = event.training_seconds
    if seconds is None or steps == 0:
        return None
    return Pace(record.id, record.spec, seconds / steps)
