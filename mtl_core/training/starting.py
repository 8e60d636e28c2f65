"""The stages of a run before its next step, which are reported while they last.

They are no results: two equal runs may have different ones, because the second one reads outputs of
frozen layers that the first one computed.
"""

from collections.abc import Callable
from enum import StrEnum
from time import monotonic
from typing import Literal

from mtl_core.values import Frozen

PROGRESS_SECONDS = 1.0
"""The progress within a stage is reported at most this often."""


class Stage(StrEnum):
    """What a run does between the queue and its next step, in the order of a run."""

    PROCESS = "process"
    IMPORTS = "imports"
    DATA = "data"
    ENCODER = "encoder"
    OTHER_RUN = "other_run"  # it computes outputs of frozen layers that this run will read
    FROZEN_OUTPUTS = "frozen_outputs"
    EVALUATION = "evaluation"
    STEP = "step"


class Starting(Frozen):
    """A stage of a run. `done` of `total` sentences are computed, where they are counted.

    The store adds `elapsed_seconds`, from the time when the run was taken from the queue to the
    beginning of the stage, and `after`, the number of the run's events before it.
    """

    event: Literal["starting"] = "starting"
    stage: Stage
    done: int | None = None
    total: int | None = None
    elapsed_seconds: float = 0.0
    after: int = 0

    def continued_by(self, other: "Starting") -> bool:
        """Whether `other` is later progress within this stage."""
        return other.stage is self.stage and None not in (self.done, other.done)


Report = Callable[[Starting], None]
"""Sends or prints a stage."""


class Stages:
    """Reports the stages of a run, and the progress within one every `PROGRESS_SECONDS`."""

    def __init__(self, report: Report = lambda _: None) -> None:
        self._report = report
        self._latest: Stage | None = None
        self._reported_at = 0.0

    def begin(self, stage: Stage, done: int | None = None, total: int | None = None) -> None:
        """Report that a stage begins, or continues with `done` of `total` sentences."""
        now = monotonic()
        if stage is self._latest and now - self._reported_at < PROGRESS_SECONDS:
            return
        self._latest, self._reported_at = stage, now
        self._report(Starting(stage=stage, done=done, total=total))
