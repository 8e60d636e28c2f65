"""Runs with fixed ids, times and results, so that two pictures of a page are equal.

Those of Train are a run that is included with Freeze Lab. Those of Play and Predict need saved
models: they are trained here, for seconds, with a fixed seed.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mtl_core.lessons.shipped_runs import import_shipped
from mtl_core.settings import Settings
from mtl_core.store.connection import Database
from mtl_core.store.owner import Owner
from mtl_core.store.record import RunState, run_name
from mtl_core.store.rows import seen, write_events
from mtl_core.store.runs import RunStore
from mtl_core.store.schema import RunRow
from mtl_core.tasks.dataset import SAMPLE_SMALL
from mtl_core.training.events import (
    PhaseStarted,
    RunEvent,
    RunFinished,
    RunStarted,
    event_from_json,
)
from mtl_core.ui.play.runs import SCENARIOS as PLAYED

RUNNING, FINISHED = "261128-0930-gradual-0001", "261128-0915-gradual-0002"
MODELS = {scenario: f"261128-0900-{scenario}-000{n}" for n, scenario in enumerate(PLAYED, 3)}
DAY = datetime(2026, 11, 28, tzinfo=UTC)
_STEPS_OF_LAST_PHASE = 20
_EPOCHS = 4  # of the models: enough to label a simple sentence
_SECONDS_PER_EVENT, _PEAK_MEMORY_BYTES = 0.1, 600_000_000


def prepare_runs(settings: Settings) -> None:
    """Store the included runs, one that is in its third phase, and one that has finished.

    The running one lasts as long as this process, which is its owner.
    """
    file = settings.database
    store = RunStore(file)
    import_shipped(store)
    source = min(
        run.id
        for run in store.runs(shipped=True, limit=1000)
        if run.spec.scenario == "gradual" and run.spec.starts_from is None
    )
    events = [event for _, event in store.events(source)]
    store.close()
    add_run(file, FINISHED, events)
    add_run(file, RUNNING, _until_third_phase(events))


@contextmanager
def models_in_training(settings: Settings) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Train the two runs of Play; the processes by the id of their run."""
    processes = {run: _training(settings, scenario, run) for scenario, run in MODELS.items()}
    try:
        yield processes
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def store_models(settings: Settings, processes: Mapping[str, subprocess.Popen[str]]) -> None:
    """Store the trained runs when they have ended.

    Scores are real and the same on one machine; the times are replaced, since they never are.
    """
    for run, process in processes.items():
        lines, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"Training {run} failed with exit code {process.returncode}.")
        events = [event_from_json(line) for line in lines.splitlines()]
        add_run(settings.database, run, _with_fixed_times(events))


def add_run(file: Path, run: str, events: Sequence[RunEvent]) -> None:
    """Store a run with this id; it is running unless its last event ends it."""
    started, last = events[0].model_copy(update={"run": run}), events[-1]
    spec = next(event.spec for event in events if isinstance(event, RunStarted))
    begun = DAY + timedelta(hours=int(run[7:9]), minutes=int(run[9:11]))
    database = Database(file)
    with database.writing() as session:
        row = RunRow(
            id=run,
            name=run_name(spec),
            state=RunState.RUNNING,
            spec=spec.model_dump_json(),
            created_at=begun,
            started_at=begun,
            last_event=0,
            owner=seen(session, Owner.this_process(), datetime.now(UTC)),
        )
        session.add(row)
        session.flush()
        ended = begun + timedelta(seconds=last.elapsed_seconds)
        write_events(session, row, [started, *map(_renamed(run), events[1:])], ended)
    database.close()


def _renamed(run: str) -> Callable[[RunEvent], RunEvent]:
    def renamed(event: RunEvent) -> RunEvent:
        return event.model_copy(update={"run": run}) if isinstance(event, RunFinished) else event

    return renamed


def _until_third_phase(events: Sequence[RunEvent]) -> Sequence[RunEvent]:
    third = next(
        index
        for index, event in enumerate(events)
        if isinstance(event, PhaseStarted) and event.number == 3
    )
    return events[: third + _STEPS_OF_LAST_PHASE]


def _training(settings: Settings, scenario: str, run: str) -> subprocess.Popen[str]:
    command = (
        *("train", "--scenario", scenario, "--data", SAMPLE_SMALL, "--epochs", str(_EPOCHS)),
        *("--no-measures", "--output", str(settings.home / "runs" / run), "--format", "jsonl"),
    )
    return subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "mtl_core", *command],
        cwd=Path(__file__).parents[2],
        env=os.environ
        | {
            "FREEZE_LAB_HOME": str(settings.home / "trained" / scenario),
            "FREEZE_LAB_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
        },
        stdout=subprocess.PIPE,
        text=True,
    )


def _with_fixed_times(events: Sequence[RunEvent]) -> list[RunEvent]:
    timed = [
        event.model_copy(update={"elapsed_seconds": _SECONDS_PER_EVENT * number})
        for number, event in enumerate(events, 1)
    ]
    seconds = timed[-1].elapsed_seconds
    of_end = {
        "peak_memory_bytes": _PEAK_MEMORY_BYTES,
        "training_seconds": seconds / 2,
        "evaluation_seconds": seconds / 4,
        "prefix_seconds": seconds / 4,
        "total_seconds": seconds,
    }
    return [*timed[:-1], timed[-1].model_copy(update=of_end)]
