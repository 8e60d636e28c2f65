"""Export and import of finished comparisons that are included in the installation."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from pydantic import Field
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from mtl_core.errors import BadInput
from mtl_core.store.comparisons import comparison_row_of, runs_of
from mtl_core.store.connection import Database
from mtl_core.store.record import ComparisonRecord, RunRecord, RunRole, RunState, run_name
from mtl_core.store.rows import taken_ids
from mtl_core.store.schema import ComparisonRow, EventRow, RunRow
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.events import (
    RunEvent,
    RunFinished,
    RunStarted,
    event_from_json,
    event_to_json,
)
from mtl_core.values import Frozen


class StoredEvent(NamedTuple):
    """An event as the store has it: its kind and its JSON, which is not parsed."""

    kind: str
    body: str


def stored_events(events: Iterable[RunEvent]) -> tuple[StoredEvent, ...]:
    """The events as the store has them."""
    return tuple(StoredEvent(each.event, event_to_json(each)) for each in events)


class ShippedRun(Frozen):
    """A finished run with all its events, for a file. Times are aware.

    The events are not parsed, because the first start of a server imports all of them.
    """

    id: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    title: str | None = None
    tags: tuple[str, ...] = ()
    role: RunRole | None = None
    factor: float | None = None
    stored_events: tuple[StoredEvent, ...] = Field(min_length=2)

    def events(self) -> tuple[RunEvent, ...]:
        """Parse the events. Raises pydantic.ValidationError."""
        return tuple(event_from_json(each.body) for each in self.stored_events)

    def record(self, comparison: str) -> RunRecord:
        """Returns the record that the store has after the import.

        Raises BadInput unless the events begin with `run_started` and end with `run_finished`.
        """
        spec = _started(self).spec
        return RunRecord(
            id=self.id,
            name=run_name(spec),
            state=RunState.FINISHED,
            spec=spec,
            created_at=self.created_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
            reason=None,
            last_event=len(self.stored_events),
            stop_requested=False,
            title=self.title,
            tags=self.tags,
            comparison=comparison,
            role=self.role or RunRole.RUN,
            factor=self.factor,
            keeps_model=False,
            shipped=True,
        )


class ShippedComparison(Frozen):
    """A finished comparison with its runs, for a file."""

    id: str
    name: str
    spec: ComparisonSpec
    created_at: datetime
    runs: tuple[ShippedRun, ...]

    def record(self) -> ComparisonRecord:
        """Returns the record with its results that the store has after the import.

        Raises BadInput as `ShippedRun.record` does.
        """
        records = (run.record(self.id) for run in self.runs)
        return ComparisonRecord(
            id=self.id,
            name=self.name,
            spec=self.spec,
            created_at=self.created_at,
            runs=tuple(each for each in records if each.role is RunRole.RUN),
            shipped=True,
        )


class Shipping:
    """The part of the run store that exports and imports shipped comparisons."""

    _database: Database

    def import_comparison(self, comparison: ShippedComparison) -> list[str]:
        """Add a finished comparison and its runs as shipped; the ids of the added runs.

        Known and deleted comparisons and runs are skipped. Raises BadInput for a run whose events
        do not begin with `run_started` and end with `run_finished`.
        """
        rows = [_rows_of(run, comparison.id) for run in comparison.runs]
        spec = comparison.spec.model_dump_json()
        with self._database.writing() as session:
            if taken_ids(session, (comparison.id,)):
                return []
            taken = taken_ids(session, [run.id for run in comparison.runs])
            session.add(
                ComparisonRow(
                    id=comparison.id,
                    name=comparison.name,
                    spec=spec,
                    created_at=comparison.created_at,
                    shipped=True,
                )
            )
            session.flush()
            new = [(row, events) for row, events in rows if row.id not in taken]
            for row, events in new:
                session.add(row)
                session.flush()
                session.execute(insert(EventRow), [{"run": row.number, **each} for each in events])
            return [row.id for row, _ in new]

    def comparison_to_ship(self, comparison: str) -> ShippedComparison:
        """A comparison with its results and trial runs, for a file.

        Raises BadInput unless all its runs are finished.
        """
        with self._database.reading() as session:
            row = comparison_row_of(session, comparison)
            kept = [
                run
                for run in runs_of(session, row)
                if run.deleted_at is None and run.role is not RunRole.REPLACED
            ]
            return ShippedComparison(
                id=row.id,
                name=row.name,
                spec=ComparisonSpec.model_validate_json(row.spec),
                created_at=row.created_at,
                runs=tuple(_to_ship(session, run) for run in kept),
            )


def _rows_of(run: ShippedRun, comparison: str) -> tuple[RunRow, list[dict[str, int | str]]]:
    """The row of a run and the columns of its events.

    They are built before the transaction, so that other writers wait only for the insertion.
    """
    events: list[dict[str, int | str]] = [
        {"number": number, **each._asdict()}
        for number, each in enumerate(run.stored_events, start=1)
    ]
    spec = _started(run).spec
    row = RunRow(
        id=run.id,
        name=run_name(spec),
        state=RunState.FINISHED,
        spec=spec.model_dump_json(),
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at or run.created_at,
        last_event=len(run.stored_events),
        title=run.title,
        tags=run.tags,
        comparison=comparison,
        role=run.role or RunRole.RUN,
        factor=run.factor,
        keeps_model=False,
        shipped=True,
    )
    return row, events


def _started(run: ShippedRun) -> RunStarted:
    first, last = (event_from_json(run.stored_events[place].body) for place in (0, -1))
    if not isinstance(first, RunStarted) or not isinstance(last, RunFinished):
        raise BadInput(
            f"Run '{run.id}' cannot be imported: its first event is '{first.event}' and its last "
            f"'{last.event}'. A finished run begins with 'run_started' and ends with "
            "'run_finished'."
        )
    return first


def _to_ship(session: Session, row: RunRow) -> ShippedRun:
    if row.state is not RunState.FINISHED:
        raise BadInput(f"Run '{row.id}' is {row.state}: only finished runs can be exported.")
    own = EventRow.run == row.number, EventRow.number > 0  # without the stages
    events = select(EventRow.kind, EventRow.body).where(*own).order_by(EventRow.number)
    found = [StoredEvent(kind, body) for kind, body in session.execute(events)]
    return ShippedRun(
        id=row.id,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        title=row.title,
        tags=row.tags,
        role=row.role,
        factor=row.factor,
        stored_events=(*found[:-1], _without_folder(found[-1])),
    )


def _without_folder(event: StoredEvent) -> StoredEvent:
    """The final event without the folder of the saved model, which is on this machine only."""
    parsed = event_from_json(event.body)
    return StoredEvent(event.kind, event_to_json(parsed.model_copy(update={"output": None})))
