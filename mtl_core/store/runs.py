"""The run store: the worker appends, the pages read, and nothing else changes a run."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from mtl_core.store.comparisons import Comparisons
from mtl_core.store.connection import Database
from mtl_core.store.hiding import Hiding
from mtl_core.store.naming import clean_tags, clean_title
from mtl_core.store.owner import Owner
from mtl_core.store.queue import Queue
from mtl_core.store.record import STATE_AFTER, RunRecord, RunState, run_name
from mtl_core.store.rows import KEPT, record_of, row_of, seen, unused_id, write_events
from mtl_core.store.schema import EventRow, OwnerRow, RunRow
from mtl_core.store.shipping import Shipping
from mtl_core.training.events import RunEvent, event_from_json
from mtl_core.training.spec import RunSpec


class RunStore(Queue, Hiding, Comparisons, Shipping):
    """Runs, their events and comparisons in one SQLite file, made where there is none.

    Safe for threads and for several processes at once. Every method raises InternalError where
    the file cannot be read or written, UnknownRun for an id that no run bears, and
    UnknownComparison for one that no comparison bears.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path)

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def add(
        self, spec: RunSpec, state: RunState = RunState.WAITING, owner: Owner | None = None
    ) -> RunRecord:
        """Write down a new run: waiting in the queue, or running at once in `owner`.

        A running one without an owner belongs to this process.
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
            )
            session.add(row)
            session.flush()
            return record_of(row)

    def append(self, run: str, events: Sequence[RunEvent]) -> bool:
        """Add events to a run in one transaction; a last word also ends it.

        False, and nothing is kept, where the run was deleted meanwhile or had its last word. A
        run marked as interrupted that speaks after all is running again.
        """
        now = datetime.now(UTC)
        with self._database.writing() as session:
            row = session.scalar(select(RunRow).where(RunRow.id == run, KEPT))
            if row is None or row.state in STATE_AFTER.values():
                return False
            if row.state is RunState.INTERRUPTED:
                row.state, row.finished_at, row.reason = RunState.RUNNING, None, None
            write_events(session, row, events, now)
            owner = session.get(OwnerRow, row.owner) if row.owner else None
            if owner is not None:
                owner.seen_at = now
            return True

    def events(
        self, run: str, after: int = 0, kinds: Collection[str] = ()
    ) -> list[tuple[int, RunEvent]]:
        """The events of a run with a number above `after`, each with its number, in order.

        `kinds` narrows them to some values of `event`, such as `evaluation`.
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

    def latest(self, run: str, kind: str) -> RunEvent | None:
        """The newest event of one kind, such as `step`; None where there is none."""
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

    def runs(self, limit: int = 200, shipped: bool | None = False) -> list[RunRecord]:
        """The newest runs, newest first.

        `shipped`: those that came with the product alone, or, for None, all.
        """
        newest = select(RunRow).where(KEPT).order_by(RunRow.number.desc()).limit(limit)
        if shipped is not None:
            newest = newest.where(RunRow.shipped.is_(shipped))
        with self._database.reading() as session:
            return [record_of(row) for row in session.scalars(newest)]

    def run(self, run: str) -> RunRecord:
        """One run as it is now."""
        with self._database.reading() as session:
            return record_of(row_of(session, run))

    def rename(self, run: str, title: str | None) -> RunRecord:
        """Give a run a title of at most 80 characters; an empty one takes it away.

        Raises BadInput for a longer one.
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
