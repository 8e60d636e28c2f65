"""Executes jobs on this machine, in a pool of trainer processes."""

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

from mtl_core.engine.capacity import ONE_THREAD, Demand
from mtl_core.engine.child import ChildProcess, module_argv
from mtl_core.engine.executor.interface import Job, failures, take
from mtl_core.engine.job_process import COPIES
from mtl_core.engine.machine import gpu_count
from mtl_core.engine.protocol import (
    AboutRuns,
    EventMessage,
    FromChild,
    PackagesLoaded,
    Ready,
    SaveState,
    StartingMessage,
    Stop,
    Train,
    TrainTogether,
)
from mtl_core.errors import ChildDied
from mtl_core.training.starting import Stage, Starting

TRAINER_ARGV = tuple(module_argv("mtl_core.engine.trainer_child"))

_IDLE_SECONDS = 600.0  # an idle trainer holds hundreds of megabytes, so it is ended after this
_SPARE_SECONDS = 30.0  # for an idle trainer beside another idle one


@dataclass(slots=True, eq=False)
class _Trainer:
    """A trainer process and the unfinished runs of its job.

    `stage` is what it does before it can begin a job, None once it can. `gpu` is the number of the
    GPU that its job uses.
    """

    child: ChildProcess
    gpu: int | None = None
    stage: Stage | None = Stage.PROCESS
    runs: set[str] = field(default_factory=set)
    last_use: float = field(default_factory=monotonic)


class LocalExecutor:
    """An executor whose jobs run in trainer processes of this machine.

    A trainer executes one job at a time, each in a process of its own (`job_process`), and is
    reused for the next one. It is ended after ten idle minutes; all but one idle trainer are ended
    after 30 seconds. Where a trainer cannot copy itself, it is ended after its job. A job on a GPU
    gets one that no other job of this executor uses.
    """

    def __init__(self, argv: Sequence[str] = TRAINER_ARGV) -> None:
        self._argv = argv
        self._trainers: list[_Trainer] = []
        self._own_messages: deque[EventMessage | StartingMessage] = deque()
        self._arrived = threading.Event()

    def submit(self, job: Job, demand: Demand = ONE_THREAD) -> None:
        """Send a job to an idle trainer, or to a new one."""
        trainer, gpu = None, self._free_gpu() if demand.accelerated else None
        try:
            trainer = self._idle_trainer()
            _read_stage(trainer)
            trainer.runs, trainer.last_use = {each.run for each in job}, monotonic()
            trainer.gpu = gpu
            trainer.child.send(_message(job, gpu))
            self._report_stage(trainer)
        except (OSError, ChildDied) as problem:
            if trainer is not None:
                self._end_trainer(trainer)
            self._fail((each.run for each in job), problem, 0.0)

    def receive(self, timeout_seconds: float) -> AboutRuns | None:
        """The next message about any run; None if there is none within `timeout_seconds`."""
        until = monotonic() + timeout_seconds
        self._end_idle_trainers()
        while True:
            self._arrived.clear()
            message = self._next_message()
            left = until - monotonic()
            if message is not None or left <= 0:
                return message
            self._arrived.wait(left)

    def stop(self, run: str) -> None:
        """Request the end of a run before its next step."""
        self._request(run, Stop(run=run))

    def save_state(self, run: str) -> None:
        """Request that a run saves its state after its current step, and continues."""
        self._request(run, SaveState(run=run))

    def end(self, run: str) -> None:
        """End a run now; a trainer without another run of the job is killed."""
        trainer = self._trainer_of(run)
        if trainer is None:
            return
        trainer.runs.discard(run)
        if not trainer.runs:
            self._end_trainer(trainer)
            return
        with suppress(ChildDied):
            trainer.child.send(Stop(run=run))

    def prepare(self) -> None:
        """Start a trainer, unless one is idle: loading torch takes seconds."""
        self._idle_trainer().last_use = monotonic()

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of the trainer processes."""
        children = [trainer.child for trainer in tuple(self._trainers)]
        return tuple(child.pid for child in children if child.alive)

    def capacity(self) -> None:
        """What this machine has is what there is."""

    def close(self) -> None:
        """Kill all trainers."""
        for trainer in tuple(self._trainers):
            self._end_trainer(trainer)
        self._own_messages.clear()

    def _request(self, run: str, message: Stop | SaveState) -> None:
        trainer = self._trainer_of(run)
        if trainer is not None:
            with suppress(ChildDied):  # `receive` reports it
                trainer.child.send(message)

    def _idle_trainer(self) -> _Trainer:
        """An idle trainer that is alive, started if there is none. Raises OSError."""
        for trainer in tuple(self._trainers):
            if not trainer.runs:
                if trainer.child.alive:
                    return trainer
                self._end_trainer(trainer)
        trainer = _Trainer(ChildProcess(self._argv, self._arrived.set))
        self._trainers.append(trainer)
        return trainer

    def _free_gpu(self) -> int:
        """The first GPU that no job of this executor uses; 0 if all are used."""
        used = {each.gpu for each in self._trainers if each.runs}
        return next((each for each in range(gpu_count()) if each not in used), 0)

    def _next_message(self) -> AboutRuns | None:
        """A message that has arrived; the trainers take turns."""
        for trainer in tuple(self._trainers):
            while trainer.runs and not self._own_messages:
                try:
                    message = trainer.child.receive(0.0)
                except ChildDied as problem:
                    elapsed_seconds = monotonic() - trainer.last_use
                    self._end_trainer(trainer)
                    self._fail(trainer.runs, problem, elapsed_seconds)
                    break
                if message is None:
                    break
                if _changes_stage(trainer, message):
                    self._report_stage(trainer)
                elif isinstance(message, AboutRuns) and (known := take(message, trainer.runs)):
                    self._trainers.remove(trainer)
                    self._trainers.append(trainer)
                    self._note_end(trainer)
                    return known
        return self._own_messages.popleft() if self._own_messages else None

    def _note_end(self, trainer: _Trainer) -> None:
        """Update a trainer whose last run may have ended."""
        if not trainer.runs:
            trainer.last_use = monotonic()
            if not COPIES:
                self._end_trainer(trainer)

    def _fail(self, runs: Iterable[str], problem: Exception, elapsed_seconds: float) -> None:
        self._own_messages.extend(failures(runs, problem, elapsed_seconds))

    def _report_stage(self, trainer: _Trainer) -> None:
        """Queue a message for each run that waits for its trainer."""
        if trainer.stage is not None:
            starting = Starting(stage=trainer.stage)
            self._own_messages.extend(
                StartingMessage(run=run, starting=starting) for run in trainer.runs
            )

    def _trainer_of(self, run: str) -> _Trainer | None:
        return next((each for each in self._trainers if run in each.runs), None)

    def _end_idle_trainers(self) -> None:
        now = monotonic()
        idle = sorted(
            (each for each in self._trainers if not each.runs), key=lambda each: each.last_use
        )
        for number, trainer in enumerate(idle, 1):
            limit_seconds = _IDLE_SECONDS if number == len(idle) else _SPARE_SECONDS
            if now - trainer.last_use > limit_seconds:
                self._end_trainer(trainer)

    def _end_trainer(self, trainer: _Trainer) -> None:
        trainer.child.kill()
        self._trainers.remove(trainer)


def _read_stage(trainer: _Trainer) -> None:
    """Read what an idle trainer has sent since it was started."""
    with suppress(ChildDied):  # sending the job reports it
        while (message := trainer.child.receive(0.0)) is not None:
            _changes_stage(trainer, message)


def _changes_stage(trainer: _Trainer, message: FromChild) -> bool:
    """Whether a message is about the start of the trainer itself, whose stage is then updated."""
    if isinstance(message, Ready):
        trainer.stage = Stage.IMPORTS
    elif isinstance(message, PackagesLoaded):
        trainer.stage = None
    return isinstance(message, Ready | PackagesLoaded)


def _message(job: Job, gpu: int | None) -> Train | TrainTogether:
    runs = tuple(each.model_copy(update={"gpu": gpu}) for each in job)
    return runs[0] if len(runs) == 1 else TrainTogether(runs=runs)
