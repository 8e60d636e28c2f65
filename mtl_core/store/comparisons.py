"""Comparisons in the run store: each is a row, and its runs refer to it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from mtl_core.errors import UnknownComparison
from mtl_core.nearest import nearest_or_newest
from mtl_core.store.connection import Database
from mtl_core.store.owner import Owner
from mtl_core.store.record import (
    ComparisonRecord,
    ListedComparison,
    PlannedRun,
    RunRecord,
    RunRole,
    RunState,
    clean_title,
    comparison_name,
    run_name,
)
from mtl_core.store.rows import (
    KEPT,
    forget,
    record_of,
    require_deletable,
    row_of,
    seen,
    stop,
    unused_id,
)
from mtl_core.store.schema import ComparisonRow, RetiredIdRow, RunRow
from mtl_core.training.comparison import ComparisonSpec, sorted_sizes, train_size
from mtl_core.training.spec import RunSpec


class Comparisons:
    """The part of the run store with the comparisons."""

    _database: Database

    def add_comparison(
        self,
        spec: ComparisonSpec,
        runs: Sequence[PlannedRun],
        name: str | None = None,
        owner: Owner | None = None,
        visitor: str | None = None,
    ) -> ComparisonRecord:
        """Add a comparison with all its runs, which wait in this order.

        With an `owner` the runs are reserved for that process. `visitor` starts it. Raises
        BadInput for a name of more than 80 characters.
        """
        now = datetime.now(UTC)
        title = clean_title(name) or comparison_name(spec)
        with self._database.writing() as session:
            row = ComparisonRow(
                id=unused_id(session, "compare", now),
                name=title,
                spec=spec.model_dump_json(),
                created_at=now,
                visitor=visitor,
            )
            session.add(row)
            session.flush()
            reserved_for = seen(session, owner, now) if owner else None
            for planned in runs:
                session.add(planned_row(session, row, planned, reserved_for))
                session.flush()
            return comparison_record(session, row)

    def comparison(self, comparison: str) -> ComparisonRecord:
        """The current record of a comparison. Raises UnknownComparison."""
        with self._database.reading() as session:
            return comparison_record(session, comparison_row_of(session, comparison))

    def comparisons(self, limit: int = 100, shipped: bool | None = False) -> list[ComparisonRecord]:
        """The newest comparisons, newest first.

        `shipped` selects those included in the installation, False the others, None all.
        """
        with self._database.reading() as session:
            rows = session.scalars(_newest(limit, shipped))
            return [comparison_record(session, row) for row in rows]

    def listed_comparisons(
        self, limit: int = 100, shipped: bool | None = False
    ) -> list[ListedComparison]:
        """As `comparisons`, but without the runs: one query for all."""
        with self._database.reading() as session:
            rows = session.scalars(_newest(limit, shipped))
            return [ListedComparison(**_without_runs(row)) for row in rows]

    def rename_comparison(self, comparison: str, name: str | None) -> ComparisonRecord:
        """Rename a comparison; an empty name restores the default one.

        Raises BadInput for more than 80 characters.
        """
        title = clean_title(name)
        with self._database.writing() as session:
            row = comparison_row_of(session, comparison)
            row.name = title or comparison_name(ComparisonSpec.model_validate_json(row.spec))
            return comparison_record(session, row)

    def stop_comparison(self, comparison: str) -> ComparisonRecord:
        """Request the end of all its runs: waiting runs end at once, ended runs do not change."""
        now = datetime.now(UTC)
        with self._database.writing() as session:
            row = comparison_row_of(session, comparison)
            for run in runs_of(session, row):
                if run.deleted_at is None:
                    stop(session, run, now)
            return comparison_record(session, row)

    def extend_comparison(
        self,
        comparison: str,
        spec: ComparisonSpec,
        runs: Sequence[PlannedRun],
        owner: Owner | None = None,
    ) -> ComparisonRecord:
        """Replace the spec of a comparison by `spec`, which has more seeds, and add their runs.

        A default name is replaced by that of the new spec.
        """
        now = datetime.now(UTC)
        with self._database.writing() as session:
            row = comparison_row_of(session, comparison)
            reserved_for = seen(session, owner, now) if owner else None
            if row.name == comparison_name(ComparisonSpec.model_validate_json(row.spec)):
                row.name = comparison_name(spec)
            row.spec = spec.model_dump_json()
            for planned in runs:
                session.add(planned_row(session, row, planned, reserved_for))
                session.flush()
            return comparison_record(session, row)

    def requeue(self, runs: Sequence[str], owner: Owner | None = None) -> list[RunRecord]:
        """Queue a new run in place of each stopped, failed or interrupted run.

        The replaced runs keep their events; all other runs do not change. With an `owner` the new
        runs are reserved for that process.
        """
        now = datetime.now(UTC)
        with self._database.writing() as session:
            reserved_for = seen(session, owner, now) if owner else None
            new = []
            for run in runs:
                old = row_of(session, run)
                again = old.state.is_final and old.state is not RunState.FINISHED
                if not again or old.comparison is None or old.role is RunRole.REPLACED:
                    continue
                before = record_of(old)
                planned = PlannedRun(
                    before.spec,
                    before.role or RunRole.RUN,
                    before.factor,
                    before.held,
                    before.keeps_model,
                )
                comparison = comparison_row_of(session, old.comparison)
                row = planned_row(session, comparison, planned, reserved_for)
                old.role = RunRole.REPLACED
                session.add(row)
                session.flush()
                new.append(record_of(row))
            return new

    def reserve(self, comparison: str, owner: Owner) -> None:
        """Reserve the waiting runs of a comparison for `owner`."""
        with self._database.writing() as session:
            row = comparison_row_of(session, comparison)
            reserved_for = seen(session, owner, datetime.now(UTC))
            for run in runs_of(session, row):
                if run.state is RunState.WAITING:
                    run.owner = reserved_for

    def settle(
        self, specs: Mapping[str, RunSpec], held: bool, instead: Mapping[str, str] | None = None
    ) -> None:
        """Set the specs of waiting runs that earlier runs of their comparison have determined.

        With `held` the runs continue to wait for further decisions. `instead` maps a waiting run
        that is not needed to a finished run with identical results, which replaces it. Runs that
        are no longer waiting do not change.
        """
        with self._database.writing() as session:
            query = select(RunRow).where(KEPT, RunRow.state == RunState.WAITING, RunRow.held)
            waiting = {row.id: row for row in session.scalars(query)}
            for unneeded, same in (instead or {}).items():
                if unneeded in waiting:
                    row_of(session, same).role = RunRole.RUN
                    forget(session, waiting.pop(unneeded))
            for run, spec in specs.items():
                if run in waiting:
                    waiting[run].spec, waiting[run].held = spec.model_dump_json(), held

    def hide_comparison(self, comparison: str) -> None:
        """Delete a comparison and its runs so that they can be restored.

        Raises BadInput while one of them is running.
        """
        now = datetime.now(UTC)
        with self._database.writing() as session:
            row = comparison_row_of(session, comparison)
            kept = [run for run in runs_of(session, row) if run.deleted_at is None]
            for run in kept:
                require_deletable(run)
                run.deleted_at = now
            row.deleted_at = now

    def deleted_comparison(self, comparison: str) -> ComparisonRecord | None:
        """A deleted comparison that can still be restored; None if there is none."""
        with self._database.reading() as session:
            row = deleted_comparison_row_of(session, comparison)
            return comparison_record(session, row) if row else None

    def bring_back_comparison(self, comparison: str) -> None:
        """Restore a deleted comparison. Raises UnknownComparison if it is deleted permanently."""
        with self._database.writing() as session:
            row = deleted_comparison_row_of(session, comparison)
            if row is None:
                comparison_row_of(session, comparison)
                return
            for run in runs_of(session, row):
                if run.deleted_at == row.deleted_at:
                    run.deleted_at = None
            row.deleted_at = None

    def delete_comparison(self, comparison: str) -> list[str]:
        """Delete a comparison and its runs permanently; the ids of the runs.

        Raises BadInput while one of them is running.
        """
        with self._database.writing() as session:
            row = deleted_comparison_row_of(session, comparison) or comparison_row_of(
                session, comparison
            )
            for run in runs_of(session, row):
                require_deletable(run)
            return forget_comparisons(session, [row])


def comparison_row_of(session: Session, comparison: str) -> ComparisonRow:
    """The row of a comparison. Raises UnknownComparison with the nearest ids."""
    kept = ComparisonRow.deleted_at.is_(None)
    row = session.scalar(select(ComparisonRow).where(ComparisonRow.id == comparison, kept))
    if row is None:
        newest = select(ComparisonRow.id).where(kept).order_by(ComparisonRow.number.desc())
        ids = session.scalars(newest).all()
        raise UnknownComparison(
            f"There is no comparison '{comparison}'. {_nearest_comparisons(comparison, ids)}"
        )
    return row


def deleted_comparison_row_of(session: Session, comparison: str) -> ComparisonRow | None:
    """The row of a deleted comparison that can still be restored; None if there is none."""
    deleted = ComparisonRow.deleted_at.is_not(None)
    return session.scalar(select(ComparisonRow).where(ComparisonRow.id == comparison, deleted))


def runs_of(session: Session, row: ComparisonRow) -> Sequence[RunRow]:
    """All runs of a comparison, also deleted ones, in the order of their creation."""
    return session.scalars(
        select(RunRow).where(RunRow.comparison == row.id).order_by(RunRow.number)
    ).all()


def _newest(limit: int, shipped: bool | None) -> Select[ComparisonRow]:
    """The query for the newest comparisons; `shipped` is None for all of them."""
    newest = select(ComparisonRow).where(ComparisonRow.deleted_at.is_(None))
    if shipped is not None:
        newest = newest.where(ComparisonRow.shipped.is_(shipped))
    return newest.order_by(ComparisonRow.number.desc()).limit(limit)


@lru_cache(maxsize=512)
def _spec(text: str) -> ComparisonSpec:
    """Parse a spec. The result is cached, because every visit of Compare lists the same ones."""
    return ComparisonSpec.model_validate_json(text)


def _without_runs(row: ComparisonRow) -> dict[str, Any]:
    """The fields of a ListedComparison."""
    return {
        "id": row.id,
        "name": row.name,
        "spec": _spec(row.spec),
        "created_at": row.created_at,
        "shipped": row.shipped,
        "deleted_at": row.deleted_at,
        "visitor": row.visitor,
    }


def comparison_record(session: Session, row: ComparisonRow) -> ComparisonRecord:
    """The record of a comparison with its runs, which can be used after the transaction."""
    spec = _spec(row.spec)
    kept = [record_of(run) for run in runs_of(session, row) if run.deleted_at == row.deleted_at]
    results = [run for run in kept if run.role is RunRole.RUN]
    return ComparisonRecord(
        **_without_runs(row),
        runs=tuple(sorted(results, key=lambda run: _sort_key(run, spec))),
        trial_runs=tuple(run for run in kept if run.role in (RunRole.SWEEP, RunRole.PACE)),
    )


def planned_row(
    session: Session, comparison: ComparisonRow, planned: PlannedRun, owner: str | None
) -> RunRow:
    """A new waiting row for a run of a comparison, reserved for `owner` if it is given.

    The run is that of the comparison's visitor.
    """
    now = datetime.now(UTC)
    name = run_name(planned.spec)
    return RunRow(
        id=unused_id(session, name, now),
        name=name,
        state=RunState.WAITING,
        spec=planned.spec.model_dump_json(),
        created_at=now,
        owner=owner,
        comparison=comparison.id,
        role=planned.role,
        factor=planned.factor,
        held=planned.held,
        keeps_model=planned.keeps_model,
        visitor=comparison.visitor,
    )


def _sort_key(run: RunRecord, spec: ComparisonSpec) -> tuple[int, int, int]:
    """The sort key of a result: seed, decreasing number of training sentences, arm."""
    seeds, arms = spec.seeds, (*spec.arm_names, run.spec.arm_name)
    seed = seeds.index(run.spec.seed) if run.spec.seed in seeds else len(seeds)
    size = sorted_sizes(spec.train_sizes).index(train_size(run.spec)) if spec.train_sizes else 0
    return seed, -size, arms.index(run.spec.arm_name)


def _nearest_comparisons(comparison: str, ids: Sequence[str]) -> str:
    if not ids:
        return "There are no comparisons yet: `compare` creates one."
    return nearest_or_newest(comparison, ids, "`runs list` shows them.")


def forget_comparisons(session: Session, rows: Iterable[ComparisonRow]) -> list[str]:
    """Delete comparisons and their runs permanently; the ids of the runs."""
    forgotten = []
    for row in rows:
        for run in runs_of(session, row):
            forgotten.append(run.id)
            forget(session, run)
        session.add(RetiredIdRow(id=row.id))
        session.execute(delete(ComparisonRow).where(ComparisonRow.number == row.number))
    return forgotten
