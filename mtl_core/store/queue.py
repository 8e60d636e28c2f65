"""The queue: the next run, the process that executes it, and runs whose process has ended."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, func, or_, select
from sqlalchemy.orm import Session

from mtl_core.store.connection import Database
from mtl_core.store.owner import Owner
from mtl_core.store.queue_order import waiting_in_order
from mtl_core.store.record import RunRecord, RunState
from mtl_core.store.rows import KEPT, record_of, row_of, seen, stop
from mtl_core.store.schema import OwnerRow, PauseRow, RunRow

_LOST = (
    "The process that executed it was killed, or the machine was shut down. "
    "The events until then are stored; resume it to continue after its last saved step."
)
_NEVER_BEGAN = "The process for which it was reserved ended before it began."


def _waiting(owner: Owner, reserved: bool) -> Select[RunRow]:
    """The query for the runs that `owner` may execute, the next one first.

    A waiting run with an owner is reserved for that process. With `reserved` only such runs are
    selected.
    """
    own, unreserved = RunRow.owner == owner.id, RunRow.owner.is_(None)
    free = own if reserved else or_(own, unreserved)
    return waiting_in_order(~RunRow.held, free)


_ALL_WAITING = waiting_in_order()
_ANY_WAITS = select(RunRow.number).where(RunRow.state == RunState.WAITING, KEPT).limit(1)
"""Much cheaper than the order of the queue, which pages and the supervisor often ask for."""

_RUNNING = select(RunRow).where(RunRow.state == RunState.RUNNING, KEPT).order_by(RunRow.number)

Group = Callable[[RunRecord, Sequence[RunRecord]], tuple[RunRecord, ...]]
"""(first, others) -> the runs of one job: `first`, and those of `others` that train with it."""


def only_first(first: RunRecord, _others: Sequence[RunRecord]) -> tuple[RunRecord, ...]:
    """A job of one run."""
    return (first,)


_SILENCE = timedelta(seconds=60)
"""A process on another machine counts as ended after this time without a heartbeat."""


def _is_gone(row: OwnerRow) -> bool:
    """Whether the process has ended, by its number or else by its last heartbeat."""
    gone = Owner(row.place, row.pid, row.started).is_gone()
    return datetime.now(UTC) - row.seen_at > _SILENCE if gone is None else gone


class Queue:
    """The part of the run store that assigns runs to processes."""

    _database: Database

    def claim_job(
        self,
        owner: Owner,
        reserved: bool = False,
        has_room: Callable[[RunRecord], bool] = lambda _run: True,
        group: Group = only_first,
    ) -> tuple[RunRecord, ...]:
        """Assign the next waiting run to `owner`, with those that `group` adds to it.

        `group` gets that run and the other waiting runs of its comparison. Empty if no run waits,
        or if `has_room` is False for the next one. The runs are assigned in one transaction, and
        no run is assigned twice. Runs that are reserved for another process are skipped, and with
        `reserved` all runs that are not reserved for this one.
        """
        next_waiting = _waiting(owner, reserved).limit(1)
        with self._database.reading() as session:
            if session.scalar(_ANY_WAITS) is None or (not reserved and _is_paused(session)):
                return ()
            row = session.scalar(next_waiting)
            seen_first = record_of(row) if row is not None else None
        if seen_first is None or not has_room(seen_first):
            return ()
        now = datetime.now(UTC)
        with self._database.writing() as session:
            first = session.scalar(next_waiting)
            if first is None or (first.id != seen_first.id and not has_room(record_of(first))):
                return ()
            rows = {first.id: first}
            if group is not only_first and first.comparison is not None:
                beside = _waiting(owner, reserved).where(RunRow.comparison == first.comparison)
                rows |= {each.id: each for each in session.scalars(beside)}
            others = [record_of(each) for each in rows.values() if each is not first]
            claimed = [rows[each.id] for each in group(record_of(first), others)]
            for each in claimed:
                each.state, each.started_at = RunState.RUNNING, now
                each.owner = seen(session, owner, now)
            return tuple(map(record_of, claimed))

    def release(self, runs: Sequence[str], reserved_for: Owner | None = None) -> None:
        """Put running runs without events back into the queue, at their old places.

        Only `reserved_for` may claim them, if it is given. A run whose stop was requested ends.
        """
        now = datetime.now(UTC)
        with self._database.writing() as session:
            owner = seen(session, reserved_for, now) if reserved_for else None
            running = RunRow.id.in_(runs), RunRow.state == RunState.RUNNING
            for row in session.scalars(select(RunRow).where(*running)):
                row.state, row.started_at, row.owner = RunState.WAITING, None, owner
                if row.stop_requested:
                    stop(session, row, now)

    def active(self) -> list[RunRecord]:
        """The running and waiting runs in the order of the queue."""
        with self._database.reading() as session:
            rows = list(session.scalars(_RUNNING))
            if session.scalar(_ANY_WAITS) is not None:
                rows += session.scalars(_ALL_WAITING)
            return [record_of(row) for row in rows]

    def running(self) -> list[RunRecord]:
        """The running runs of all processes, in the order in which they were added."""
        with self._database.reading() as session:
            return [record_of(row) for row in session.scalars(_RUNNING)]

    def trained_beside(self, run: str) -> int:
        """The largest number of other jobs that ran at the same moment of a run, until now.

        0 for a run that has not started.
        """
        with self._database.reading() as session:
            own = record_of(row_of(session, run))
            if own.started_at is None:
                return 0
            overlapping = (
                select(RunRow)
                .where(
                    RunRow.started_at.is_not(None),
                    or_(RunRow.state == RunState.RUNNING, RunRow.finished_at > own.started_at),
                )
                .order_by(RunRow.state == RunState.RUNNING, RunRow.finished_at)
            )  # the last run of a job to end comes last, and replaces the others in `spans`
            others = [record_of(row) for row in session.scalars(overlapping)]
        spans = {each.job: (each.started_at, each.finished_at) for each in others}
        spans.pop(own.job, None)
        return _most_at_once(list(spans.values()), own.started_at)

    def position(self, run: str) -> int | None:
        """The position of a run in the queue, 1 for the next; None if it is not waiting."""
        with self._database.reading() as session:
            row = row_of(session, run)
            if row.state is not RunState.WAITING:
                return None
            return 1 + [each.id for each in session.scalars(_ALL_WAITING)].index(run)

    def waiting_of(self, visitor: str | None) -> int:
        """The number of waiting runs that a visitor has."""
        own = RunRow.visitor.is_(None) if visitor is None else RunRow.visitor == visitor
        return self._count_waiting(own)

    def waiting_count(self) -> int:
        """The number of all waiting runs."""
        return self._count_waiting()

    def _count_waiting(self, *conditions: ColumnElement[bool]) -> int:
        query = select(func.count()).where(RunRow.state == RunState.WAITING, KEPT, *conditions)
        with self._database.reading() as session:
            return session.scalar(query) or 0

    def is_paused(self) -> bool:
        """Whether the queue is paused: no waiting run starts, and running runs continue."""
        with self._database.reading() as session:
            return _is_paused(session)

    def pause(self, paused: bool) -> None:
        """Pause the queue, or let its runs start again."""
        with self._database.writing() as session:
            session.execute(delete(PauseRow))
            if paused:
                session.add(PauseRow(since=datetime.now(UTC)))

    def clear_queue(self) -> list[str]:
        """Stop all waiting runs; their ids."""
        now = datetime.now(UTC)
        waiting = select(RunRow).where(RunRow.state == RunState.WAITING, KEPT)
        with self._database.writing() as session:
            rows = session.scalars(waiting.order_by(RunRow.number)).all()
            for row in rows:
                stop(session, row, now)
            return [row.id for row in rows]

    def stop_requested(self, run: str) -> bool:
        """Whether the end of a run was requested; True for a deleted run."""
        with self._database.reading() as session:
            requested = session.scalar(select(RunRow.stop_requested).where(RunRow.id == run, KEPT))
        return requested is None or requested

    def request_stop(self, run: str) -> RunRecord:
        """Request the end of a run: a waiting run ends at once, an ended run does not change."""
        with self._database.writing() as session:
            row = row_of(session, run)
            stop(session, row, datetime.now(UTC))
            return record_of(row)

    def heartbeat(self, owner: Owner) -> None:
        """Record that `owner` is alive."""
        with self._database.writing() as session:
            seen(session, owner, datetime.now(UTC))

    def interrupt(self, run: str, reason: str) -> None:
        """End a running run without a final event; an ended run does not change."""
        with self._database.writing() as session:
            row = row_of(session, run)
            if row.state is RunState.RUNNING:
                _interrupt(row, reason)

    def mark_interrupted(self) -> list[str]:
        """End the running and reserved runs whose process has ended; their ids.

        A process on this machine is looked up. For any other process (in another container, or
        before a restart) the last heartbeat decides.
        """
        owned = (
            select(RunRow, OwnerRow)
            .join(OwnerRow, OwnerRow.id == RunRow.owner)
            .where(RunRow.state.in_((RunState.RUNNING, RunState.WAITING)))
            .order_by(RunRow.number)
        )
        with self._database.reading() as session:
            if session.execute(owned.limit(1)).first() is None:
                return []
        with self._database.writing() as session:
            lost = [row for row, owner in session.execute(owned).all() if _is_gone(owner)]
            for row in lost:
                _interrupt(row, _LOST if row.state is RunState.RUNNING else _NEVER_BEGAN)
            return [row.id for row in lost]


def _most_at_once(spans: Sequence[tuple[datetime | None, datetime | None]], since: datetime) -> int:
    """The largest number of spans (start, end or None) at one moment, not before `since`.

    It is reached at `since` or when one of the spans starts.
    """
    known = [(start, end) for start, end in spans if start is not None]
    return max(
        sum(start <= moment and (end is None or end > moment) for start, end in known)
        for moment in (since, *(start for start, _ in known if start > since))
    )


def _is_paused(session: Session) -> bool:
    return session.scalar(select(PauseRow)) is not None


def _interrupt(row: RunRow, reason: str) -> None:
    row.state, row.finished_at, row.reason = RunState.INTERRUPTED, datetime.now(UTC), reason
