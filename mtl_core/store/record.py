"""What the store tells about a run, and the ids runs go by."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mtl_core.training.events import RunFailed, RunFinished, RunStopped
from mtl_core.training.spec import RunSpec

_NAME_IN_ID = 24
UNDO = timedelta(minutes=10)
"""A deleted run can be brought back for this long; then it is forgotten for good."""


class RunState(StrEnum):
    """Where a run is in its life. The last four are final."""

    WAITING = "waiting"  # in the queue
    RUNNING = "running"  # a living process works on it
    FINISHED = "finished"  # said `run_finished`
    FAILED = "failed"  # said `run_failed`
    STOPPED = "stopped"  # somebody stopped it
    INTERRUPTED = "interrupted"  # its process ended without a last word

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to the run."""
        return self not in (RunState.WAITING, RunState.RUNNING)


STATE_AFTER: dict[type, RunState] = {
    RunFinished: RunState.FINISHED,
    RunFailed: RunState.FAILED,
    RunStopped: RunState.STOPPED,
}
"""The state that each last word puts a run into."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as the store knows it at one moment. Times are in UTC and aware.

    `spec` is what was asked for; from `run_started` on it is that event's, with digests and
    versions filled in. `last_event` is the number of the newest event, 0 before the first.
    """

    id: str
    name: str  # the scenario, or the plan's own name
    state: RunState
    spec: RunSpec
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    reason: str | None  # why it failed, stopped or was interrupted
    last_event: int
    stop_requested: bool
    title: str | None = None  # what the user calls it
    tags: tuple[str, ...] = ()
    deleted_at: datetime | None = None  # hidden since then; only `RunStore.deleted` gives such one


def run_name(spec: RunSpec) -> str:
    """What to call a run of `spec` where there is room for a few words."""
    return spec.scenario or spec.plan.name


def new_id(name: str, now: datetime) -> str:
    """An id such as `261124-0655-heads-only-3f9a`: sorts by minute, fits a URL and a file name."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_NAME_IN_ID].strip("-") or "run"
    return f"{now:%y%m%d-%H%M}-{words}-{secrets.token_hex(2)}"
