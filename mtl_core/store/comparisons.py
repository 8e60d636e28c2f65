"""Comparisons in the run store: each is a row of its own, and its runs name it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import select

from mtl_core.store.comparison_rows import (
    comparison_record,
    comparison_row_of,
    planned_row,
    runs_of,
)
from mtl_core.store.connection import Database
from mtl_core.store.naming import clean_title
from mtl_core.store.owner import Owner
from mtl_core.store.record import (
    ComparisonRecord,
    PlannedRun,
    Role,
    RunRecord,
    RunState,
    comparison_name,
)
from mtl_core.store.rows import KEPT, forget, record_of, row_of, seen, stop, unused_id
from mtl_core.store.schema import ComparisonRow, RunRow
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.spec import RunSpec


class Comparisons:
    """The part of the run store that keeps comparisons."""

    _database: Database

    def add_comparison(
        self,
        spec: ComparisonSpec,
        runs: Sequence[PlannedRun],
        name: str | None = None,
        owner: Owner | None = None,
    ) -> ComparisonRecord:
        """Write down a comparison with all its runs, waiting in the order given, all or nothing.

        With an `owner` they wait for that process alone. Raises BadInput for a name of more than
        80 characters.
        """
        now = datetime.now(UTC)
        title = clean_title(name) or comparison_name(spec)
        with self._database.writing() as session:
            row = ComparisonRow(
                id=unused_id(session, "compare", now),
                name=title,
                spec=spec.model_dump_json(),
                created_at=now,
            )
            session.add(row)
            session.flush()
            reserved_for = seen(session, owner, now) if owner else None
            for planned in runs:
                session.add(planned_row(session, row.id, planned, reserved_for))
                session.flush()
            return comparison_record(session, row)

    def comparison(self, comparison: str) -> ComparisonRecord:
        """One comparison as it is now. Raises UnknownComparison."""
        with self._database.reading() as session:
            return comparison_record(session, comparison_row_of(session, comparison))

    def comparisons(self, limit: int = 100, shipped: bool | None = False) -> list[ComparisonRecord]:
        """The newest comparisons, newest first.

        `shipped`: those that came with the product alone, or, for None, all.
        """
        newest = (
            select(ComparisonRow)
            .where(ComparisonRow.deleted_at.is_(None))
            .order_by(ComparisonRow.number.desc())
            .limit(limit)
        )
        if shipped is not None:
            newest = newest.where(ComparisonRow.shipped.is_(shipped))
        with self._database.reading() as session:
            return [comparison_record(session, row) for row in session.scalars(newest)]

    def rename_comparison(self, comparison: str, name: str | None) -> ComparisonRecord:
        """Call a comparison something else; an empty name gives it its first one again.

        Raises BadInput for one of more than 80 characters.
        """
        title = clean_title(name)
        with self._database.writing() as session:
            row = comparison_row_of(session, comparison)
            row.name = title or comparison_name(ComparisonSpec.model_validate_json(row.spec))
            return comparison_record(session, row)

    def stop_comparison(self, comparison: str) -> ComparisonRecord:
        """Ask for the end of all its runs: waiting ones have ended with that, a running one is
        asked, ended ones stay."""
        now = datetime.now(UTC)
        with self._database.writing() as session:
            row = comparison_row_of(session, comparison)
            for run in runs_of(session, row):
                if run.deleted_at is None:
                    stop(session, run, now)
            return comparison_record(session, row)

    def requeue(self, runs: Sequence[str], owner: Owner | None = None) -> list[RunRecord]:
        """Queue another run in the place of each; what the old ones said stays with them.

        Runs that are finished, or have not ended, are left as they are. With an `owner` the new
        ones wait for that process alone.
        """
        now = datetime.now(UTC)
        with self._database.writing() as session:
            reserved_for = seen(session, owner, now) if owner else None
            new = []
            for run in runs:
                old = row_of(session, run)
                again = old.state.is_final and old.state is not RunState.FINISHED
                if not again or old.comparison is None or old.role is Role.REPLACED:
                    continue
                before = record_of(old)
                planned = PlannedRun(
                    before.spec,
                    before.role or Role.RUN,
                    before.factor,
                    before.held,
                    before.keeps_model,
                )
                row = planned_row(session, old.comparison, planned, reserved_for)
                old.role = Role.REPLACED
                session.add(row)
                session.flush()
                new.append(record_of(row))
            return new

    def reserve(self, comparison: str, owner: Owner) -> None:
        """Let what waits of a comparison wait for `owner` alone."""
        with self._database.writing() as session:
            row = comparison_row_of(session, comparison)
            reserved_for = seen(session, owner, datetime.now(UTC))
            for run in runs_of(session, row):
                if run.state is RunState.WAITING:
                    run.owner = reserved_for

    def settle(
        self, specs: Mapping[str, RunSpec], held: bool, instead: Mapping[str, str] | None = None
    ) -> None:
        """Give waiting runs the specs that earlier runs of their comparison decided.

        They begin when their turn comes, or, where they are still `held`, wait for more to be
        decided. `instead` names waiting runs that are not needed, as the finished run beside each
        is the same to the bit and becomes the result in its place. Runs that no longer wait are
        left as they are.
        """
        with self._database.writing() as session:
            query = select(RunRow).where(KEPT, RunRow.state == RunState.WAITING, RunRow.held)
            waiting = {row.id: row for row in session.scalars(query)}
            for needless, same in (instead or {}).items():
                if needless in waiting:
                    row_of(session, same).role = Role.RUN
                    forget(session, waiting.pop(needless))
            for run, spec in specs.items():
                if run in waiting:
                    waiting[run].spec, waiting[run].held = spec.model_dump_json(), held
