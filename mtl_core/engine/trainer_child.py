"""The trainer process: executes one job at a time, in a copy of itself that has torch loaded."""

import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

from mtl_core.engine.job_process import (
    COPIES,
    Job,
    JobConnection,
    JobProcesses,
    execute_in_this_process,
)
from mtl_core.engine.machine import use_only_gpu
from mtl_core.engine.parent import connect, send
from mtl_core.engine.protocol import (
    EventMessage,
    PackagesLoaded,
    Separate,
    StartingMessage,
    Train,
    TrainTogether,
)
from mtl_core.errors import FreezeLabError, InternalError, machine_fault
from mtl_core.file_access import FileAccess
from mtl_core.settings import Settings
from mtl_core.training.events import FINAL_EVENTS, RunEvent, RunFailed
from mtl_core.training.imports import import_training_packages
from mtl_core.training.spec import RunSpec
from mtl_core.training.starting import Report, Stages, Starting
from mtl_core.training.together.rule import NotTogether

FineTune = Callable[
    [
        RunSpec,
        str,
        Path | None,
        Callable[[], bool],
        FileAccess,
        tuple[RunSpec, ...],
        Path | None,
        Callable[[], bool],
        Report,
        Path | None,
    ],
    Iterator[RunEvent],
]
"""(spec, run, output, should_stop, access, waiting, state, should_save, report, start) -> the
events."""

TrainRunsTogether = Callable[
    [tuple[Train, ...], Callable[[str], bool], Report], Iterator[tuple[str, RunEvent]]
]
"""(runs, should_stop, report) -> the events of all runs, each with its id; or NotTogether."""

_NO_FINAL_EVENT = "The run ended without a final event."
FOREGROUND = "--foreground"
"""The argument for a trainer that runs at normal priority, because a command waits for it."""


def serve(
    fine_tune: FineTune,
    warm_up: Callable[[], None] = lambda: None,
    train_together: TrainRunsTogether | None = None,
) -> None:
    """Execute the jobs that the parent sends, until the parent is gone.

    `warm_up` loads slow imports once the parent has been notified that this process is ready.
    Without `train_together` the runs of one job are executed one after another.
    """

    def execute(job: Job, connection: JobConnection) -> None:
        if isinstance(job, TrainTogether) and train_together is not None:
            for message in _messages_together(train_together, job.runs, connection):
                connection.send(message)
            return
        runs = job.runs if isinstance(job, TrainTogether) else (job,)
        if runs[0].gpu is not None:  # all runs of a job use the same
            use_only_gpu(runs[0].gpu)
        for each in runs:
            for event in _events(fine_tune, each, connection):
                connection.send(EventMessage(run=each.run, event=event))

    output = connect(low_priority=FOREGROUND not in sys.argv[1:])
    with suppress(Exception):  # a run that needs the missing import reports the error
        warm_up()
    send(output, PackagesLoaded())
    if COPIES:
        JobProcesses(output, execute).serve()
    execute_in_this_process(output, execute)


def _messages_together(
    train_together: TrainRunsTogether, runs: tuple[Train, ...], connection: JobConnection
) -> Iterator[EventMessage | Separate]:
    """The events of runs trained together; an error becomes a RunFailed of each unfinished run.

    Runs that cannot be trained together become one `Separate` message.
    """
    began = monotonic()
    unfinished = dict.fromkeys(each.run for each in runs)
    ending: Exception = InternalError(_NO_FINAL_EVENT)

    def report(starting: Starting) -> None:
        for run in unfinished:
            connection.send(StartingMessage(run=run, starting=starting))

    try:
        for run, event in train_together(runs, connection.should_stop, report):
            if run not in unfinished:
                continue
            if isinstance(event, FINAL_EVENTS):
                del unfinished[run]
            yield EventMessage(run=run, event=event)
            if not unfinished:
                return
    except NotTogether:
        yield Separate(runs=tuple(unfinished))
        return
    except Exception as problem:
        ending = problem
    failed = _failed(ending, began)
    for run in unfinished:
        yield EventMessage(run=run, event=failed)


def _events(fine_tune: FineTune, request: Train, connection: JobConnection) -> Iterator[RunEvent]:
    """The events of a run; an error, or a missing final event, becomes a RunFailed.

    The run is executed to its end after its final event too: it then deletes its saved state.
    """
    began, ended = monotonic(), False
    output = Path(request.output) if request.output else None
    try:
        events = fine_tune(
            request.spec,
            request.run,
            output,
            lambda: connection.should_stop(request.run),
            request.access,
            request.waiting,
            Path(request.state) if request.state else None,
            lambda: connection.should_save(request.run),
            lambda starting: connection.send(StartingMessage(run=request.run, starting=starting)),
            Path(request.start) if request.start else None,
        )
        for event in events:
            if not ended:
                yield event
            ended |= isinstance(event, FINAL_EVENTS)
        if not ended:
            yield _failed(InternalError(_NO_FINAL_EVENT), began)
    except Exception as problem:
        failed = _failed(problem, began)
        if not ended:
            yield failed


def _failed(problem: Exception, began: float) -> RunFailed:
    if not isinstance(problem, FreezeLabError) and machine_fault(problem) is None:
        traceback.print_exception(problem)
    return RunFailed.of(problem, monotonic() - began)


def _fine_tune(
    spec: RunSpec,
    run: str,
    output: Path | None,
    should_stop: Callable[[], bool],
    access: FileAccess,
    waiting: tuple[RunSpec, ...],
    state: Path | None,
    should_save: Callable[[], bool],
    report: Report,
    start: Path | None,
) -> Iterator[RunEvent]:
    from mtl_core.training.prefix.store import PrefixStore
    from mtl_core.training.run import fine_tune

    settings = Settings.from_environment()
    return fine_tune(
        spec,
        run,
        output,
        should_stop,
        access,
        PrefixStore.of(settings),
        start,
        waiting,
        state,
        settings.state_seconds,
        should_save=should_save,
        whole_model=False,
        stages=Stages(report),
    )


def _train_together(
    runs: tuple[Train, ...], should_stop: Callable[[str], bool], report: Report
) -> Iterator[tuple[str, RunEvent]]:
    from mtl_core.training.prefix.store import PrefixStore
    from mtl_core.training.together.member import Member
    from mtl_core.training.together.run import fine_tune_together

    first, prefixes = runs[0], PrefixStore.of(Settings.from_environment())
    start = Path(first.start) if first.start else None
    members = [
        Member(each.run, each.spec, Path(each.output) if each.output else None, whole_model=False)
        for each in runs
    ]
    return fine_tune_together(
        members, should_stop, first.access, prefixes, start, first.waiting, Stages(report)
    )


if __name__ == "__main__":
    logging.basicConfig()
    serve(_fine_tune, import_training_packages, _train_together)
