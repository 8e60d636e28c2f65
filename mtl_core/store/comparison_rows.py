"""What the run store does with the rows of comparisons inside one transaction."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mtl_core.errors import UnknownComparison
from mtl_core.nearest import nearest_or_newest
from mtl_core.store.record import (
    ComparisonRecord,
    PlannedRun,
    Role,
    RunRecord,
    RunState,
    run_name,
)
from mtl_core.store.rows import record_of, unused_id
from mtl_core.store.schema import ComparisonRow, RunRow
from mtl_core.training.comparison import ComparisonSpec, in_order, train_size


def comparison_row_of(session: Session, comparison: str) -> ComparisonRow:
    """The row of a comparison. Raises UnknownComparison with the nearest ids."""
    kept = ComparisonRow.deleted_at.is_(None)
    row = session.scalar(select(ComparisonRow).where(ComparisonRow.id == comparison, kept))
    if row is None:
        newest = select(ComparisonRow.id).where(kept).order_by(ComparisonRow.number.desc())
        ids = session.scalars(newest).all()
        raise UnknownComparison(
            f"There is no comparison '{comparison}'. {_exists(comparison, ids)}"
        )
    return row


def deleted_comparison_row_of(session: Session, comparison: str) -> ComparisonRow | None:
    """The row of a comparison that was deleted and is not forgotten yet; None without one."""
    deleted = ComparisonRow.deleted_at.is_not(None)
    return session.scalar(select(ComparisonRow).where(ComparisonRow.id == comparison, deleted))


def runs_of(session: Session, row: ComparisonRow) -> Sequence[RunRow]:
    """All runs of a comparison, deleted ones too, in the order in which they came."""
    return session.scalars(
        select(RunRow).where(RunRow.comparison == row.id).order_by(RunRow.number)
    ).all()


def comparison_record(session: Session, row: ComparisonRow) -> ComparisonRecord:
    """The row and its runs as a value that outlives the transaction."""
    spec = ComparisonSpec.model_validate_json(row.spec)
    kept = [record_of(run) for run in runs_of(session, row) if run.deleted_at == row.deleted_at]
    results = [run for run in kept if run.role is Role.RUN]
    return ComparisonRecord(
        id=row.id,
        name=row.name,
        spec=spec,
        created_at=row.created_at,
        runs=tuple(sorted(results, key=lambda run: _place(run, spec))),
        scouts=tuple(run for run in kept if run.role in (Role.SWEEP, Role.PACE)),
        shipped=row.shipped,
        deleted_at=row.deleted_at,
    )


def planned_row(
    session: Session, comparison: str, planned: PlannedRun, owner: str | None
) -> RunRow:
    """A new row for a run of a comparison, waiting; reserved for `owner`, if any."""
    now = datetime.now(UTC)
    name = run_name(planned.spec)
    return RunRow(
        id=unused_id(session, name, now),
        name=name,
        state=RunState.WAITING,
        spec=planned.spec.model_dump_json(),
        created_at=now,
        owner=owner,
        comparison=comparison,
        role=planned.role,
        factor=planned.factor,
        held=planned.held,
        keeps_model=planned.keeps_model,
    )


def _place(run: RunRecord, spec: ComparisonSpec) -> tuple[int, int, int]:
    """Where a run stands among the results: by seed, the largest number of training sentences
    first, then by scenario."""
    seeds, scenarios = spec.seeds, (*spec.scenarios, run.spec.scenario)
    seed = seeds.index(run.spec.seed) if run.spec.seed in seeds else len(seeds)
    size = in_order(spec.train_sizes).index(train_size(run.spec)) if spec.train_sizes else 0
    return seed, -size, scenarios.index(run.spec.scenario)


def _exists(asked: str, ids: Sequence[str]) -> str:
    if not ids:
        return "The store holds none yet: `compare` makes one."
    return nearest_or_newest(asked, ids, "`runs list` shows them.")
