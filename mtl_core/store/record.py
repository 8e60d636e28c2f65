"""What the store tells about a run, and the ids runs go by."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mtl_core.training.comparison import ComparisonSpec, in_order
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


class Role(StrEnum):
    """What a run is to the comparison it belongs to."""

    RUN = "run"  # one of its results
    SWEEP = "sweep"  # tried a factor on the scenario's learning rates
    PACE = "pace"  # measured how long an epoch takes
    REPLACED = "replaced"  # did not finish; another run was queued in its place


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
    comparison: str | None = None  # the id of the comparison it belongs to
    role: Role | None = None  # in that comparison
    factor: float | None = None  # on the scenario's learning rates, where a sweep tries several
    held: bool = False  # does not begin before the comparison's first runs have decided its spec
    keeps_model: bool = True  # whether the finished model is written to `Settings.run_folder`
    shipped: bool = False  # came with the product


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run that a comparison is to have; the fields are those of its record."""

    spec: RunSpec
    role: Role = Role.RUN
    factor: float | None = None
    held: bool = False
    keeps_model: bool = True


@dataclass(frozen=True, slots=True)
class ComparisonRecord:
    """A comparison as the store knows it at one moment.

    `runs` are its results to be, seed by seed and within a seed in the order of the scenarios;
    `scouts` the runs that tried learning rates or measured an epoch. What was replaced by
    another run, or deleted, is in neither.
    """

    id: str
    name: str
    spec: ComparisonSpec
    created_at: datetime
    runs: tuple[RunRecord, ...]
    scouts: tuple[RunRecord, ...] = ()
    shipped: bool = False
    deleted_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing of it runs or waits."""
        return all(run.state.is_final for run in (*self.scouts, *self.runs))


def run_name(spec: RunSpec) -> str:
    """What to call a run of `spec` where there is room for a few words."""
    return spec.scenario or spec.plan.name


def comparison_name(spec: ComparisonSpec) -> str:
    """What to call a comparison nobody named: its first scenarios and what it is made on, of
    several numbers of training sentences the smallest and the largest, and the run gone on from."""
    first, others = spec.scenarios[:3], len(spec.scenarios) - 3
    more = f" and {others} more" if others > 0 else ""
    seeds = "1 seed" if len(spec.seeds) == 1 else f"{len(spec.seeds)} seeds"
    checkpoint = spec.checkpoint.rstrip("/").rpartition("/")[2]
    sizes = ["all" if each is None else f"{each:,}" for each in in_order(spec.train_sizes)]
    range_ = " to ".join(dict.fromkeys((sizes[0], sizes[-1]))) if sizes else ""
    on = f" · {range_} sentences" if range_ else ""
    start = f" · from {spec.starts_from}" if spec.starts_from else ""
    return f"{', '.join(first)}{more} · {checkpoint} · {seeds}{on}{start}"


def new_id(name: str, now: datetime) -> str:
    """An id such as `261124-0655-heads-only-3f9a`: sorts by minute, fits a URL and a file name."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_NAME_IN_ID].strip("-") or "run"
    return f"{now:%y%m%d-%H%M}-{words}-{secrets.token_hex(2)}"
