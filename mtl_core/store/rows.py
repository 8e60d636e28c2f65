"""What the run store does with rows inside one transaction."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sqlalchemy import Select, delete, insert, or_, select
from sqlalchemy.orm import Session

from mtl_core.errors import BadInput, UnknownRun
from mtl_core.nearest import nearest_or_newest
from mtl_core.store.owner import Owner
from mtl_core.store.record import STATE_AFTER, UNDO, RunRecord, RunState, new_id
from mtl_core.store.schema import ComparisonRow, EventRow, OwnerRow, RetiredIdRow, RunRow
from mtl_core.training.events import (
    LAST_WORDS,
    RunEvent,
    RunFinished,
    RunStarted,
    RunStopped,
    event_to_json,
)
from mtl_core.training.spec import RunSpec

SILENCE = timedelta(seconds=60)
"""An owner that cannot be looked up counts as gone after this long without a heartbeat."""

KEPT = RunRow.deleted_at.is_(None)
"""The condition that holds for every run but those that were deleted a moment ago."""


def record_of(row: RunRow) -> RunRecord:
    """The row as a value that outlives the transaction."""
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
    )


def row_of(session: Session, run: str) -> RunRow:
    """The row of a run. Raises UnknownRun with the nearest ids, and for one that was deleted."""
    row = session.scalar(select(RunRow).where(RunRow.id == run))
    if row is None:
        query = select(RunRow.id).where(KEPT).order_by(RunRow.number.desc())
        ids = session.scalars(query).all()
        raise UnknownRun(f"There is no run '{run}'. {_what_exists(run, ids)}")
    if row.deleted_at is not None:
        raise UnknownRun(
            f"Run '{run}' was deleted. The Train page can bring it back within "
            f"{UNDO // timedelta(minutes=1)} minutes."
        )
    return row


def deleted_row_of(session: Session, run: str) -> RunRow | None:
    """The row of a run that was deleted and is not forgotten yet; None where there is none."""
    return session.scalar(select(RunRow).where(RunRow.id == run, ~KEPT))


QUEUE = (RunRow.state != RunState.RUNNING, RunRow.comparison.is_not(None), RunRow.number)
"""The order of the queue: what runs, then runs by themselves, then those of comparisons, so that a
comparison of many runs keeps nobody waiting for more than one of them."""


def oldest_waiting(owner: Owner, reserved: bool) -> Select[RunRow]:
    """The query for the run that `owner` may begin next.

    A waiting run with an owner is reserved for that process; `reserved` looks at those alone.
    """
    mine, nobodys = RunRow.owner == owner.id, RunRow.owner.is_(None)
    free = mine if reserved else or_(mine, nobodys)
    waiting = select(RunRow).where(RunRow.state == RunState.WAITING, KEPT, ~RunRow.held, free)
    return waiting.order_by(*QUEUE).limit(1)


def require_at_rest(row: RunRow) -> None:
    """Raises BadInput for a run that is running."""
    if row.state is RunState.RUNNING:
        raise BadInput(f"Run '{row.id}' is running: stop it first, then delete it.")


def forget(session: Session, row: RunRow) -> None:
    """Take a run and its events away for good; no other run ever gets its id."""
    session.add(RetiredIdRow(id=row.id))
    session.execute(delete(RunRow).where(RunRow.number == row.number))


def stop(session: Session, row: RunRow, now: datetime) -> None:
    """Ask for a run's end: one that waits has ended with that, an ended one stays."""
    if not row.state.is_final:
        row.stop_requested = True
    if row.state is RunState.WAITING:
        last_word = RunStopped(elapsed_seconds=0.0, reason="Stopped before it began.")
        write_events(session, row, [last_word], now)


def unused_id(session: Session, name: str, now: datetime) -> str:
    """An id that no run and no comparison has or had."""
    while True:
        candidate = new_id(name, now)
        if not is_taken(session, candidate):
            return candidate


def is_taken(session: Session, candidate: str) -> bool:
    """Whether a run or a comparison has, or had, this id."""
    tables = (RunRow, ComparisonRow, RetiredIdRow)
    return any(session.scalar(select(t.id).where(t.id == candidate)) is not None for t in tables)


def seen(session: Session, owner: Owner, now: datetime) -> str:
    """Write down that `owner` lives; its key."""
    row = session.get(OwnerRow, owner.id)
    if row is None:
        row = OwnerRow(id=owner.id, place=owner.place, pid=owner.pid, started=owner.started)
        session.add(row)
    row.seen_at = now
    session.flush()
    return row.id


def is_gone(row: OwnerRow) -> bool:
    """Whether the process has ended, as far as it can be known from here."""
    gone = Owner(row.place, row.pid, row.started).is_gone()
    return datetime.now(UTC) - row.seen_at > SILENCE if gone is None else gone


def write_events(session: Session, row: RunRow, events: Sequence[RunEvent], now: datetime) -> None:
    """Number the events on, insert them, and let the run follow what they say.

    What comes after a last word is dropped.
    """
    kept = _up_to_last_word(events)
    numbered = [
        {
            "run": row.number,
            "number": number,
            "kind": event.event,
            "body": event_to_json(event),
        }
        for number, event in enumerate(kept, start=row.last_event + 1)
    ]
    if numbered:
        session.execute(insert(EventRow), numbered)
    row.last_event += len(numbered)
    for event in kept:
        _follow(row, event, now)


@lru_cache(maxsize=1024)
def _spec(text: str) -> RunSpec:
    """Every viewer lists the same runs again and again; a spec is a value and can be shared."""
    return RunSpec.model_validate_json(text)


def _up_to_last_word(events: Sequence[RunEvent]) -> Sequence[RunEvent]:
    for index, event in enumerate(events, start=1):
        if isinstance(event, LAST_WORDS):
            return events[:index]
    return events


def _follow(row: RunRow, event: RunEvent, now: datetime) -> None:
    if isinstance(event, RunStarted):
        row.spec = event.spec.model_dump_json()
    elif isinstance(event, LAST_WORDS):
        row.state, row.finished_at = STATE_AFTER[type(event)], now
        row.reason = None if isinstance(event, RunFinished) else event.reason


def _what_exists(asked: str, ids: Sequence[str]) -> str:
    if not ids:
        return "The store holds none yet: start one on the Train page or with `train`."
    return nearest_or_newest(asked, ids, f"`runs list` shows all {len(ids)}.")
