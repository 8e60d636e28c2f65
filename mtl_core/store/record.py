"""Values that the run store returns, and the names, titles, tags and ids of runs."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from mtl_core.errors import BadInput
from mtl_core.freezing.titles import scenario_phrase
from mtl_core.text import last_part, listed, printable, shortened
from mtl_core.training.comparison import ComparisonSpec, sorted_sizes
from mtl_core.training.events import RunFailed, RunFinished, RunStopped
from mtl_core.training.spec import RunSpec

_NAME_IN_ID = 24
UNDO = timedelta(minutes=10)
"""A deleted run can be restored for this long; then it is deleted permanently."""
TITLE_LENGTH, TAG_LENGTH, MOST_TAGS = 80, 30, 8


class RunState(StrEnum):
    """The state of a run. The last four are final."""

    WAITING = "waiting"  # in the queue
    RUNNING = "running"  # a live process executes it
    FINISHED = "finished"  # ended with `run_finished`
    FAILED = "failed"  # ended with `run_failed`
    STOPPED = "stopped"  # ended with `run_stopped`
    INTERRUPTED = "interrupted"  # its process ended without a final event

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self not in (RunState.WAITING, RunState.RUNNING)


STATE_AFTER: dict[type, RunState] = {
    RunFinished: RunState.FINISHED,
    RunFailed: RunState.FAILED,
    RunStopped: RunState.STOPPED,
}
"""The state of a run after each kind of final event."""


class RunRole(StrEnum):
    """The purpose of a run in its comparison."""

    RUN = "run"  # one of its results
    SWEEP = "sweep"  # a trial of a factor on the scenario's learning rates
    PACE = "pace"  # measures how long an epoch takes
    REPLACED = "replaced"  # did not finish; another run was queued in its place


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A snapshot of one run. Times are aware and in UTC.

    `spec` is the requested spec, and after `run_started` the spec of that event, with digests and
    versions. `last_event` is the number of the newest event, 0 before the first.
    """

    id: str
    name: str  # the arm, the scenario, or the plan's own name
    state: RunState
    spec: RunSpec
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    reason: str | None  # why it failed, stopped or was interrupted
    last_event: int
    stop_requested: bool
    title: str | None = None  # given by the user
    tags: tuple[str, ...] = ()
    deleted_at: datetime | None = None  # only runs from `RunStore.deleted` have it
    comparison: str | None = None  # the id of the comparison it belongs to
    role: RunRole | None = None  # in that comparison
    factor: float | None = None  # on the scenario's learning rates, in a sweep
    held: bool = False  # waits until the comparison's first runs determine its spec
    keeps_model: bool = True  # whether the finished model is written to `Settings.run_folder`
    shipped: bool = False  # included in the installation
    owner: str | None = None  # the id of the process that executes it, or for which it is reserved
    visitor: str | None = None  # who started it; None: this machine's own user
    diverged: bool = False  # it failed because a loss became NaN or infinite in training
    number: int = field(
        default=0, compare=False
    )  # in the order of creation, which a clock that is put back does not change

    @property
    def job(self) -> tuple[str | None, datetime | None]:
        """Identifies the job of a run that has started. The runs of one job start together."""
        return self.owner, self.started_at

    @property
    def has_result(self) -> bool:
        """Whether it has finished or diverged: repeated, it would end in the same way."""
        return self.state is RunState.FINISHED or self.diverged

    @property
    def seconds(self) -> float | None:
        """The seconds from its start to its end; None if it has not ended.

        0 if the clock of the machine was put back in between.
        """
        if self.started_at is None or self.finished_at is None:
            return None
        return max(0.0, (self.finished_at - self.started_at).total_seconds())

    def seconds_since_start(self, now: datetime) -> float:
        """The seconds that a running run has run until `now`; 0 before it starts, never less."""
        if self.started_at is None:
            return 0.0
        return max(0.0, (now - self.started_at).total_seconds())


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run to add to a comparison; the fields are those of its record."""

    spec: RunSpec
    role: RunRole = RunRole.RUN
    factor: float | None = None
    held: bool = False
    keeps_model: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedComparison:
    """A snapshot of one comparison without its runs, as lists show it."""

    id: str
    name: str
    spec: ComparisonSpec
    created_at: datetime
    shipped: bool = False
    deleted_at: datetime | None = None
    visitor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRecord(ListedComparison):
    """A snapshot of one comparison.

    `runs` are its results, finished or not, by seed and within a seed in the order of the
    arms. `trial_runs` are the runs that try learning rates or measure an epoch. Replaced and
    deleted runs are in neither.
    """

    runs: tuple[RunRecord, ...]
    trial_runs: tuple[RunRecord, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether all of its runs have ended."""
        return all(run.state.is_final for run in (*self.trial_runs, *self.runs))


def run_name(spec: RunSpec) -> str:
    """A short name for a run of `spec`: its arm, its scenario, or the name of its plan."""
    return spec.arm_name


def comparison_name(spec: ComparisonSpec) -> str:
    """The default name of a comparison.

    It lists the first arms, the checkpoint, the number of seeds, the smallest and the largest
    number of training sentences, and the run that its runs start from.
    """
    first, others = map(scenario_phrase, spec.arm_names[:3]), len(spec.arms) - 3
    more = f" and {others} more" if others > 0 else ""
    seeds = "1 seed" if len(spec.seeds) == 1 else f"{len(spec.seeds)} seeds"
    names = [last_part(each) for each in spec.checkpoints]
    checkpoint = listed(names) if len(names) <= 2 else f"{len(names)} checkpoints"
    sizes = ["all" if each is None else f"{each:,}" for each in sorted_sizes(spec.train_sizes)]
    range_ = " to ".join(dict.fromkeys((sizes[0], sizes[-1]))) if sizes else ""
    on = f" · {range_} sentences" if range_ else ""
    start = f" · from {spec.starts_from}" if spec.starts_from else ""
    return f"{', '.join(first)}{more} · {checkpoint} · {seeds}{on}{start}"


def new_id(name: str, now: datetime) -> str:
    """An id such as `261124-0655-heads-only-3f9a`, sorted by minute and valid in file names."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_NAME_IN_ID].strip("-") or "run"
    return f"{now:%y%m%d-%H%M}-{words}-{secrets.token_hex(2)}"


def clean_title(title: str | None) -> str | None:
    """The title with its white space normalized; None for an empty title.

    Raises BadInput for more than 80 characters.
    """
    trimmed = printable(title or "")
    if len(trimmed) > TITLE_LENGTH:
        raise BadInput(
            f"The name “{shortened(trimmed, 20)}” has {len(trimmed)} characters; "
            f"at most {TITLE_LENGTH} are allowed. Shorten it."
        )
    return trimmed or None


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags with normalized white space, without empty and repeated ones; case is ignored.

    Raises BadInput for more than 8 tags, for a tag of more than 30 characters, and for a tag with
    a comma, which separates typed tags.
    """
    kept: dict[str, str] = {}
    for tag in tags:
        trimmed = printable(tag)
        if len(trimmed) > TAG_LENGTH:
            raise BadInput(
                f"The tag “{shortened(trimmed, 20)}” has {len(trimmed)} characters; "
                f"at most {TAG_LENGTH} are allowed. Shorten it."
            )
        if "," in trimmed:
            raise BadInput(f"The tag “{trimmed}” contains a comma. Write two tags instead.")
        if trimmed:
            kept.setdefault(trimmed.casefold(), trimmed)
    if len(kept) > MOST_TAGS:
        raise BadInput(f"{len(kept)} tags were given; a run has at most {MOST_TAGS}. Remove some.")
    return tuple(kept.values())
