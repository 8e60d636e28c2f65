"""The interface of an executor: submit a job, receive events, stop a run, close."""

from collections.abc import Iterable
from typing import Protocol

from mtl_core.engine.capacity import ONE_THREAD, Capacity, Demand
from mtl_core.engine.protocol import (
    AboutRuns,
    EventMessage,
    Lost,
    Separate,
    StartingMessage,
    Train,
)
from mtl_core.training.events import FINAL_EVENTS, RunFailed

Job = tuple[Train, ...]
"""Runs that one process trains together; most jobs have one run."""


class Executor(Protocol):
    """Executes jobs. Only one thread may call its methods; `pids` is safe for threads.

    Each submitted run gets exactly one final event, unless `end` or `close` is called before.
    A process that cannot be started, or that crashes, gives the runs of its job a `run_failed`
    event; other jobs are not affected. Runs that cannot be trained together are returned in a
    `Separate` message instead, to be submitted one by one. Runs whose machine was lost are returned
    in a `Lost` message instead, to be resumed. Before its events, and between them, a run may have
    `StartingMessage`s. How many jobs run at once is the caller's decision.
    """

    def submit(self, job: Job, demand: Demand = ONE_THREAD) -> None:
        """Start a job, on a machine that has what it needs.

        Raises no error: a job that cannot be started fails by its events.
        """
        ...

    def receive(self, timeout_seconds: float) -> AboutRuns | None:
        """The next message about any run; None if there is none within `timeout_seconds`.

        The events of one run arrive in order, those of several runs interleaved.
        """
        ...

    def stop(self, run: str) -> None:
        """Request the end of a run before its next step; it then ends with its own event.

        The other runs of its job continue. An unknown or ended run is ignored.
        """
        ...

    def save_state(self, run: str) -> None:
        """Request that a run saves its state after its current step, and continues.

        A run of several in one job has no state. An unknown or ended run is ignored.
        """
        ...

    def end(self, run: str) -> None:
        """End a run now, without a further event of it.

        Its process is killed once no other run of its job is left. An unknown or ended run is
        ignored.
        """
        ...

    def prepare(self) -> None:
        """Get ready for a job, so that it starts faster; without effect while one is ready."""
        ...

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of the trainer processes on this machine."""
        ...

    def capacity(self) -> Capacity | None:
        """What there is for all jobs together; None if it is what this machine has."""
        ...

    def close(self) -> None:
        """End every job and process; no event follows."""
        ...


def about(message: AboutRuns, runs: set[str]) -> AboutRuns | None:
    """The message without runs other than `runs`; None if nothing is left."""
    if isinstance(message, EventMessage | StartingMessage):
        return message if message.run in runs else None
    known = tuple(run for run in message.runs if run in runs)
    return message.model_copy(update={"runs": known}) if known else None


def take(message: AboutRuns, runs: set[str]) -> AboutRuns | None:
    """As `about`; the runs of which no message follows are removed from `runs`."""
    known = about(message, runs)
    if known is not None:
        runs -= ended_by(known)
    return known


def failures(
    runs: Iterable[str], problem: Exception, elapsed_seconds: float = 0.0
) -> list[EventMessage]:
    """The final event of each run that an error ends."""
    event = RunFailed.of(problem, elapsed_seconds)
    return [EventMessage(run=run, event=event) for run in runs]


def ended_by(message: AboutRuns) -> set[str]:
    """The runs of which no message follows this one."""
    if isinstance(message, Separate | Lost):
        return set(message.runs)
    ends = isinstance(message, EventMessage) and isinstance(message.event, FINAL_EVENTS)
    return {message.run} if ends else set()
