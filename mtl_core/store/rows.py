"""Operations on the rows of runs inside a transaction."""

import threading
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from cachetools import LRUCache, cached
from sqlalchemy import delete, insert, select, union_all
from sqlalchemy.orm import Session, object_session

from mtl_core.errors import BadInput, UnknownRun
from mtl_core.nearest import nearest_or_newest
from mtl_core.store.owner import Owner
from mtl_core.store.record import STATE_AFTER, UNDO, RunRecord, RunState, new_id
from mtl_core.store.schema import ComparisonRow, EventRow, OwnerRow, RetiredIdRow, RunRow
from mtl_core.training.events import (
    FINAL_EVENTS,
    RunEvent,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopped,
    event_from_json,
    event_to_json,
)
from mtl_core.training.spec import RunSpec

KEPT = RunRow.deleted_at.is_(None)
"""The condition for runs that are not deleted."""


def record_of(row: RunRow) -> RunRecord:
    """The record of a row, which can be used after the transaction."""
    return RunRecord(
        id=row.id,
        name=row.name,
        state=row.state,
        spec=_spec(row.spec),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        reason=row.reason,
        last_event=row.last_event,
        stop_requested=row.stop_requested,
        title=row.title,
        tags=row.tags,
        deleted_at=row.deleted_at,
        comparison=row.comparison,
        role=row.role,
        factor=row.factor,
        held=row.held,
        keeps_model=row.keeps_model,
        shipped=row.shipped,
        owner=row.owner,
        visitor=row.visitor,
        diverged=row.state is RunState.FAILED and _has_diverged(row),
        number=row.number,
    )


def _has_diverged(row: RunRow) -> bool:
    """Whether the final event of a failed run, which its own transaction reads, reports it."""
    session = object_session(row)
    last = select(EventRow.body).where(
        EventRow.run == row.number, EventRow.number == row.last_event
    )
    body = session.scalar(last) if session is not None else None
    event = None if body is None else event_from_json(body)
    return isinstance(event, RunFailed) and event.diverged


def row_of(session: Session, run: str) -> RunRow:
    """The row of a run. Raises UnknownRun with the nearest ids, also for a deleted run."""
    row = session.scalar(select(RunRow).where(RunRow.id == run))
    if row is None:
        query = select(RunRow.id).where(KEPT).order_by(RunRow.number.desc())
        ids = session.scalars(query).all()
        raise UnknownRun(f"There is no run '{run}'. {_nearest_runs(run, ids)}")
    if row.deleted_at is not None:
        raise UnknownRun(
            f"Run '{run}' was deleted. The Train page can restore it within "
            f"{UNDO // timedelta(minutes=1)} minutes."
        )
    return row


def deleted_row_of(session: Session, run: str) -> RunRow | None:
    """The row of a deleted run that can still be restored; None if there is none."""
    return session.scalar(select(RunRow).where(RunRow.id == run, ~KEPT))


def require_deletable(row: RunRow) -> None:
    """Raises BadInput for a run that is running, or included with Freeze Lab."""
    if row.shipped:
        raise BadInput(f"Run '{row.id}' is included with Freeze Lab and cannot be deleted.")
    if row.state is RunState.RUNNING:
        raise BadInput(f"Run '{row.id}' is running: stop it first, then delete it.")


def forget(session: Session, row: RunRow) -> None:
    """Delete a run and its events permanently; its id is never used again."""
    session.add(RetiredIdRow(id=row.id))
    session.execute(delete(RunRow).where(RunRow.number == row.number))


def stop(session: Session, row: RunRow, now: datetime) -> None:
    """Request the end of a run: a waiting run ends at once, an ended run does not change."""
    if not row.state.is_final:
        row.stop_requested = True
    if row.state is RunState.WAITING:
        final_event = RunStopped(elapsed_seconds=0.0, reason="Stopped before it began.")
        write_events(session, row, [final_event], now)


def unused_id(session: Session, name: str, now: datetime) -> str:
    """A new id that no run and no comparison has or had."""
    while True:
        candidate = new_id(name, now)
        if not taken_ids(session, (candidate,)):
            return candidate


def taken_ids(session: Session, candidates: Collection[str]) -> frozenset[str]:
    """Those of the candidates that a run or a comparison has, or had."""
    tables = (RunRow, ComparisonRow, RetiredIdRow)
    found = union_all(*(select(table.id).where(table.id.in_(candidates)) for table in tables))
    return frozenset(session.scalars(found))


def seen(session: Session, owner: Owner, now: datetime) -> str:
    """Record a heartbeat of `owner`; its key."""
    row = session.get(OwnerRow, owner.id)
    if row is None:
        row = OwnerRow(id=owner.id, place=owner.place, pid=owner.pid, started=owner.started)
        session.add(row)
    row.seen_at = now
    session.flush()
    return row.id


def write_events(session: Session, row: RunRow, events: Sequence[RunEvent], now: datetime) -> None:
    """Insert events with the next numbers and update the run's spec and state from them.

    Events after a final event are dropped.
    """
    new = _up_to_final_event(events)
    if new:
        columns = [
            {"run": row.number, "number": number, "kind": event.event, "body": event_to_json(event)}
            for number, event in enumerate(new, start=row.last_event + 1)
        ]
        session.execute(insert(EventRow), columns)
    row.last_event += len(new)
    for event in new:
        _update(row, event, now)


_SPEC_BYTES = 20_000_000
_BYTES_PER_CHARACTER = 5  # of the text of a spec: its plan, tasks and options as objects


def _spec_bytes(spec: RunSpec) -> int:
    return _BYTES_PER_CHARACTER * len(spec.model_dump_json())


@cached(LRUCache(_SPEC_BYTES, _spec_bytes), lock=threading.Lock())
def _spec(text: str) -> RunSpec:
    """Parse a spec. The result is cached, because every page lists the same runs."""
    return RunSpec.model_validate_json(text)


def _up_to_final_event(events: Sequence[RunEvent]) -> Sequence[RunEvent]:
    for index, event in enumerate(events, start=1):
        if isinstance(event, FINAL_EVENTS):
            return events[:index]
    return events


def _update(row: RunRow, event: RunEvent, now: datetime) -> None:
    if isinstance(event, RunStarted):
        row.spec = event.spec.model_dump_json()
    elif isinstance(event, FINAL_EVENTS):
        row.state, row.finished_at = STATE_AFTER[type(event)], now
        row.reason = None if isinstance(event, RunFinished) else event.reason


def _nearest_runs(run: str, ids: Sequence[str]) -> str:
    if not ids:
        return "There are no runs yet: start one on the Train page or with `train`."
    return nearest_or_newest(run, ids, f"`runs list` shows all {len(ids)}.")
