"""How long an optimiser step of a past run took: measured, with the spec it was measured on."""

from collections.abc import Iterable
from dataclasses import dataclass

from mtl_core.store.record import RunRecord
from mtl_core.training.events import RunEvent, RunFinished, RunStarted
from mtl_core.training.spec import RunSpec

PACE_EVENTS = ("run_started", "run_finished")
"""The kinds of event that a pace is read from."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The mean time of a step in one finished run, evaluations left out.

    It depends on what learns, the batch size, the length of the texts and the threads: on `spec`.
    """

    run: str
    spec: RunSpec
    seconds_per_step: float


def pace_of(record: RunRecord, events: Iterable[RunEvent]) -> Pace | None:
    """The pace of a run by its events of `PACE_EVENTS`; None before its end or without a step."""
    steps, seconds = 0, None
    for event in events:
        if isinstance(event, RunStarted):
            steps = event.total_steps
        elif isinstance(event, RunFinished):
            seconds = event.training_seconds
    if seconds is None or steps == 0:
        return None
    return Pace(record.id, record.spec, seconds / steps)
