"""The run store: runs, events and comparisons in one database."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from mtl_core.store.comparisons import Comparisons, forget_comparisons
from mtl_core.store.connection import Database
from mtl_core.store.owner import Owner
from mtl_core.store.queue import Queue
from mtl_core.store.record import (
    STATE_AFTER,
    RunRecord,
    RunState,
    clean_tags,
    clean_title,
    run_name,
)
from mtl_core.store.rows import (
    KEPT,
    deleted_row_of,
    forget,
    record_of,
    require_deletable,
    row_of,
    seen,
    unused_id,
    write_events,
)
from mtl_core.store.schema import ComparisonRow, EventRow, OwnerRow, RunRow
from mtl_core.store.shipping import Shipping
from mtl_core.store.visitors import Visitors
from mtl_core.training.events import RunEvent, event_from_json
from mtl_core.training.spec import RunSpec
from mtl_core.training.starting import Starting


class RunStore(Queue, Comparisons, Shipping, Visitors):
    """Runs, their events and comparisons: a SQLite file by its path, or PostgreSQL by its URL.

    What is missing is created. Safe for several threads and processes, with PostgreSQL also of
    several machines. Every method raises InternalError if the store cannot be read or written,
    UnknownRun for an unknown run, and UnknownComparison for an unknown comparison.
    """

    def __init__(self, place: Path | str) -> None:
        self._database = Database(place)

    def session(self) -> AbstractContextManager[Session]:
        """A session that only reads."""
        return self._database.reading()

    @property
    def place(self) -> str:
        """Where the store is, without a password."""
        return self._database.place

    def fault(self) -> str | None:
        """What a check of the whole database finds; None if it finds nothing."""
        return self._database.fault()

    def size_bytes(self) -> int:
        """The size of the database."""
        return self._database.size_bytes()

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def add(
        self,
        spec: RunSpec,
        state: RunState = RunState.WAITING,
        owner: Owner | None = None,
        visitor: str | None = None,
    ) -> RunRecord:
        """Add a run that waits in the queue, or that `owner` executes already.

        The default owner of a running run is this process. `visitor` started it.
        """
        now = datetime.now(UTC)
        running = state is RunState.RUNNING
        with self._database.writing() as session:
            name = run_name(spec)
            row = RunRow(
                id=unused_id(session, name, now),
                name=name,
                state=state,
                spec=spec.model_dump_json(),
                created_at=now,
                started_at=now if running else None,
                owner=seen(session, owner or Owner.this_process(), now) if running else None,
                visitor=visitor,
            )
            session.add(row)
            session.flush()
            return record_of(row)

    def resume(self, run: str, events: Sequence[RunEvent], owner: Owner | None = None) -> RunRecord:
        """Queue an ended run again, with `events` in place of those that it has.

        With `owner` it is running already, executed by that process.
        """
        now = datetime.now(UTC)
        with self._database.writing() as session:
            row = row_of(session, run)
            number, row.last_event = row.number, min(row.last_event, len(events))
            session.execute(
                delete(EventRow).where(EventRow.run == number, EventRow.number > row.last_event)
            )
            row.state = RunState.WAITING if owner is None else RunState.RUNNING
            row.started_at = None if owner is None else now
            row.owner = None if owner is None else seen(session, owner, now)
            row.finished_at, row.reason, row.stop_requested = None, None, False
            write_events(session, row, events[row.last_event :], now)
            return record_of(row)

    def append(self, run: str, events: Sequence[RunEvent]) -> bool:
        """Add events to a run; a final event also ends it. As `append_all`."""
        return run in self.append_all({run: events})

    def append_all(
        self,
        events: Mapping[str, Sequence[RunEvent]],
        owners: Mapping[str, str | None] | None = None,
        after: Mapping[str, int] | None = None,
    ) -> set[str]:
        """Add events to several runs in one transaction; the runs that accepted theirs.

        A run that is deleted or has ended with a final event accepts none. An interrupted run that
        receives events is running again. `owners` has the process of each run that sends them: a
        run accepts none of a process that was taken for ended, once it was queued again. `after`
        has the number of the last event of each run that is known to be stored. Events that a lost
        connection left stored without an answer are then not added again.
        """
        now = datetime.now(UTC)
        with self._database.writing() as session:
            rows = session.scalars(select(RunRow).where(RunRow.id.in_(events), KEPT)).all()
            known = after or {row.id: row.last_event for row in rows}
            stored = {row.id: max(row.last_event - known[row.id], 0) for row in rows}
            accepting = [
                row
                for row in rows
                if (row.state not in STATE_AFTER.values() or stored[row.id] >= len(events[row.id]))
                and (owners is None or owners[row.id] == row.owner)
            ]
            for row in accepting:
                if row.state is RunState.INTERRUPTED:
                    row.state, row.finished_at, row.reason = RunState.RUNNING, None, None
                write_events(session, row, events[row.id][stored[row.id] :], now)
                owner = session.get(OwnerRow, row.owner) if row.owner else None
                if owner is not None:
                    owner.seen_at = now
            return {row.id for row in accepting}

    def add_stage(self, run: str, starting: Starting, pending: int = 0) -> None:
        """Add a stage of a running run; progress within the newest stage replaces it.

        `pending` events of the run are not written yet.
        """
        with self._database.writing() as session:
            row = row_of(session, run)
            if row.state is not RunState.RUNNING:
                return
            newest = session.scalar(_stage_rows(row.number).order_by(EventRow.number).limit(1))
            before = None if newest is None else Starting.model_validate_json(newest.body)
            added: dict[str, float] = {"after": row.last_event + pending}
            if newest is not None and before is not None and before.continued_by(starting):
                added["elapsed_seconds"] = before.elapsed_seconds
                newest.body = starting.model_copy(update=added).model_dump_json()
                return
            session.add(
                EventRow(
                    run=row.number,
                    number=(0 if newest is None else newest.number) - 1,
                    kind=starting.event,
                    body=starting.model_copy(update=added).model_dump_json(),
                )
            )

    def stages(self, run: str) -> list[Starting]:
        """The stages of a run, in order; empty for a run of an earlier version."""
        with self._database.reading() as session:
            rows = _stage_rows(row_of(session, run).number).order_by(EventRow.number.desc())
            return [Starting.model_validate_json(row.body) for row in session.scalars(rows)]

    def events(
        self, run: str, after: int = 0, kinds: Collection[str] = ()
    ) -> list[tuple[int, RunEvent]]:
        """The numbers and events of a run with a number above `after`, in order.

        `kinds` selects some values of `event`, such as `evaluation`; empty selects all.
        """
        query = (
            select(EventRow.number, EventRow.body)
            .join(RunRow, RunRow.number == EventRow.run)
            .where(RunRow.id == run, KEPT, EventRow.number > after)
            .order_by(EventRow.number)
        )
        if kinds:
            query = query.where(EventRow.kind.in_(kinds))
        with self._database.reading() as session:
            rows = session.execute(query).all()
            if not rows:
                row_of(session, run)
        return [(number, event_from_json(body)) for number, body in rows]

    def last_events(self, runs: Sequence[RunRecord]) -> dict[str, RunEvent]:
        """The last event of each run by its id, as of these records. Runs without events are left
        out."""
        query = (
            select(RunRow.id, EventRow.body)
            .join(EventRow, RunRow.number == EventRow.run)
            .where(RunRow.id.in_([run.id for run in runs]), EventRow.number == RunRow.last_event)
        )
        with self._database.reading() as session:
            return {run: event_from_json(body) for run, body in session.execute(query)}

    def latest(self, run: str, kind: str) -> RunEvent | None:
        """The newest event of one kind, such as `step`; None if there is none."""
        query = (
            select(EventRow.body)
            .join(RunRow, RunRow.number == EventRow.run)
            .where(RunRow.id == run, KEPT, EventRow.kind == kind)
            .order_by(EventRow.number.desc())
            .limit(1)
        )
        with self._database.reading() as session:
            body = session.scalar(query)
            if body is None:
                row_of(session, run)
        return None if body is None else event_from_json(body)

    def runs(
        self,
        limit: int = 200,
        shipped: bool | None = False,
        states: Collection[RunState] = (),
        before: str | None = None,
    ) -> list[RunRecord]:
        """The newest runs, newest first.

        `shipped` selects those included in the installation, False the others, None all. `states`
        selects runs in these states, by default in all. `before` continues a list after the run
        with this id. Raises UnknownRun for an id that does not exist.
        """
        newest = select(RunRow).where(KEPT).order_by(RunRow.number.desc()).limit(limit)
        if states:
            newest = newest.where(RunRow.state.in_(states))
        if shipped is not None:
            newest = newest.where(RunRow.shipped.is_(shipped))
        with self._database.reading() as session:
            if before is not None:
                newest = newest.where(RunRow.number < row_of(session, before).number)
            return [record_of(row) for row in session.scalars(newest)]

    def has_runs(self) -> bool:
        """Whether there are runs, apart from those included in the installation."""
        own = select(RunRow.number).where(KEPT, ~RunRow.shipped).limit(1)
        with self._database.reading() as session:
            return session.scalar(own) is not None

    def run(self, run: str) -> RunRecord:
        """The current record of a run."""
        with self._database.reading() as session:
            return record_of(row_of(session, run))

    def rename(self, run: str, title: str | None) -> RunRecord:
        """Set the title of a run; an empty title removes it.

        Raises BadInput for more than 80 characters.
        """
        cleaned = clean_title(title)
        with self._database.writing() as session:
            row = row_of(session, run)
            row.title = cleaned
            return record_of(row)

    def tag(self, run: str, tags: Iterable[str]) -> RunRecord:
        """Replace a run's tags. Raises BadInput for more than 8, or one over 30 characters."""
        cleaned = clean_tags(tags)
        with self._database.writing() as session:
            row = row_of(session, run)
            row.tags = cleaned
            return record_of(row)

    def hide(self, run: str) -> None:
        """Delete a run so that it can be restored: it is not listed and does not start.

        Raises BadInput for a running run.
        """
        with self._database.writing() as session:
            row = row_of(session, run)
            require_deletable(row)
            row.deleted_at = datetime.now(UTC)

    def deleted(self, run: str) -> RunRecord | None:
        """A deleted run that can still be restored; None if there is none."""
        with self._database.reading() as session:
            row = deleted_row_of(session, run)
            return record_of(row) if row else None

    def bring_back(self, run: str) -> RunRecord:
        """Restore a deleted run. Raises UnknownRun if it is deleted permanently."""
        with self._database.writing() as session:
            row = deleted_row_of(session, run) or row_of(session, run)
            row.deleted_at = None
            return record_of(row)

    def forget_hidden(self, before: datetime) -> list[str]:
        """Delete permanently the runs deleted before a time; the ids of the runs."""
        due = select(RunRow).where(RunRow.deleted_at < before)
        comparisons_due = select(ComparisonRow).where(ComparisonRow.deleted_at < before)
        with self._database.reading() as session:
            if all(session.scalar(query.limit(1)) is None for query in (due, comparisons_due)):
                return []
        with self._database.writing() as session:
            rows = session.scalars(due).all()
            forgotten = [row.id for row in rows]
            for row in rows:
                forget(session, row)
            return forgotten + forget_comparisons(session, session.scalars(comparisons_due).all())

    def delete(self, run: str) -> None:
        """Delete a run and its events permanently.

        Raises BadInput for a running run.
        """
        with self._database.writing() as session:
            row = deleted_row_of(session, run) or row_of(session, run)
            require_deletable(row)
            forget(session, row)


def _stage_rows(number: int) -> Select[EventRow]:
    """The stages of a run; their numbers are negative."""
    return select(EventRow).where(EventRow.run == number, EventRow.number < 0)
