"""Whose turn it is, who runs what, and what happens to a run whose process is gone."""

from datetime import UTC, datetime

from sqlalchemy import select

from mtl_core.store.connection import Database
from mtl_core.store.owner import Owner
from mtl_core.store.record import RunRecord, RunState
from mtl_core.store.rows import (
    KEPT,
    QUEUE,
    is_gone,
    oldest_waiting,
    record_of,
    row_of,
    seen,
    stop,
)
from mtl_core.store.schema import OwnerRow, RunRow

_LOST = (
    "The process that ran it ended without a last word: it was killed, or the machine went down. "
    "What it said until then is kept; start it again to have the rest."
)
_NEVER_BEGAN = "The process it waited for ended before it began."


class Queue:
    """The part of the run store that hands out runs to processes, and takes them back."""

    _database: Database

    def claim_next(self, owner: Owner, reserved: bool = False) -> RunRecord | None:
        """Take the run whose turn it is; None where none waits. Only one caller gets a run.

        What is reserved for another process is left to it, and with `reserved` everything that is
        not reserved for this one.
        """
        next_one = oldest_waiting(owner, reserved)
        with self._database.reading() as session:
            if session.scalar(next_one) is None:
                return None
        now = datetime.now(UTC)
        with self._database.writing() as session:
            row = session.scalar(next_one)
            if row is None:
                return None
            row.state, row.started_at = RunState.RUNNING, now
            row.owner = seen(session, owner, now)
            return record_of(row)

    def active(self) -> list[RunRecord]:
        """The runs that have not ended, in the order of the queue."""
        states = (RunState.RUNNING, RunState.WAITING)
        with self._database.reading() as session:
            query = select(RunRow).where(RunRow.state.in_(states), KEPT).order_by(*QUEUE)
            return [record_of(row) for row in session.scalars(query)]

    def position(self, run: str) -> int | None:
        """Its place in the queue, 1 for the next to begin; None where it does not wait."""
        with self._database.reading() as session:
            row = row_of(session, run)
            if row.state is not RunState.WAITING:
                return None
            waiting = (
                select(RunRow.id).where(RunRow.state == RunState.WAITING, KEPT).order_by(*QUEUE)
            )
            return 1 + session.scalars(waiting).all().index(run)

    def stop_requested(self, run: str) -> bool:
        """Whether somebody asked to stop it; also true where it was deleted."""
        with self._database.reading() as session:
            asked = session.scalar(select(RunRow.stop_requested).where(RunRow.id == run, KEPT))
        return asked is None or asked

    def request_stop(self, run: str) -> RunRecord:
        """Ask whoever runs it to stop; a waiting run is stopped at once, an ended one stays."""
        with self._database.writing() as session:
            row = row_of(session, run)
            stop(session, row, datetime.now(UTC))
            return record_of(row)

    def heartbeat(self, owner: Owner) -> None:
        """Say that `owner` lives."""
        with self._database.writing() as session:
            seen(session, owner, datetime.now(UTC))

    def interrupt(self, run: str, reason: str) -> None:
        """End a running run without a last word of its own; an ended one stays as it is."""
        with self._database.writing() as session:
            row = row_of(session, run)
            if row.state is RunState.RUNNING:
                _interrupt(row, reason)

    def mark_interrupted(self) -> list[str]:
        """Mark the runs whose process is gone, running or reserved for it; their ids.

        A process on this machine is looked up; of one elsewhere (another container, or before a
        restart of the machine) only the heartbeat tells.
        """
        owned = (
            select(RunRow, OwnerRow)
            .join(OwnerRow, OwnerRow.id == RunRow.owner)
            .where(RunRow.state.in_((RunState.RUNNING, RunState.WAITING)))
        )
        with self._database.reading() as session:
            if session.execute(owned.limit(1)).first() is None:
                return []
        with self._database.writing() as session:
            lost = [row for row, owner in session.execute(owned).all() if is_gone(owner)]
            for row in lost:
                _interrupt(row, _LOST if row.state is RunState.RUNNING else _NEVER_BEGAN)
            return [row.id for row in lost]


def _interrupt(row: RunRow, reason: str) -> None:
    row.state, row.finished_at, row.reason = RunState.INTERRUPTED, datetime.now(UTC), reason
