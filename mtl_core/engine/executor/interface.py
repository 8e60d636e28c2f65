"""The interface of an executor: submit a job, receive events, stop a run, close."""

from typing import Protocol

from mtl_core.engine.protocol import AboutRuns, Train

Job = tuple[Train, ...]
"""Runs that one process trains together; most jobs have one run."""


class Executor(Protocol):
    """Executes jobs. Only one thread may call its methods; `pids` is safe for threads.

    Each submitted run gets exactly one final event, unless `end` or `close` is called before.
    A process that cannot be started, or that crashes, gives the runs of its job a `run_failed`
    event; other jobs are not affected. Runs that cannot be trained together are returned in a
    `Separate` message instead, to be submitted one by one. Before its events, and between them,
    a run may have `StartingMessage`s. How many jobs run at once is the caller's decision.
    """

    def submit(self, job: Job) -> None:
        """Start a job. Raises no error: a job that cannot be started fails by its events."""
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
        """The ids of the executor's processes on this machine."""
        ...

    def close(self) -> None:
        """End every job and process; no event follows."""
        ...
