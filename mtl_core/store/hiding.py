"""Deleting: hidden first, so that it can be brought back, and forgotten for good later."""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mtl_core.store.comparison_rows import (
    comparison_record,
    comparison_row_of,
    deleted_comparison_row_of,
    runs_of,
)
from mtl_core.store.connection import Database
from mtl_core.store.record import ComparisonRecord, RunRecord
from mtl_core.store.rows import deleted_row_of, forget, record_of, require_at_rest, row_of
from mtl_core.store.schema import ComparisonRow, RetiredIdRow, RunRow


class Hiding:
    """The part of the run store that deletes."""

    _database: Database

    def hide(self, run: str) -> None:
        """Delete a run so that it can be brought back: nothing lists it and it does not begin.

        Raises BadInput for one that is running.
        """
        with self._database.writing() as session:
            row = row_of(session, run)
            require_at_rest(row)
            row.deleted_at = datetime.now(UTC)

    def deleted(self, run: str) -> RunRecord | None:
        """A hidden run that can still be brought back; None where there is none of this id."""
        with self._database.reading() as session:
            row = deleted_row_of(session, run)
            return record_of(row) if row else None

    def bring_back(self, run: str) -> RunRecord:
        """Undo `hide`; a run that waited waits again. Raises UnknownRun once it is forgotten."""
        with self._database.writing() as session:
            row = deleted_row_of(session, run) or row_of(session, run)
            row.deleted_at = None
            return record_of(row)

    def forget_hidden(self, before: datetime) -> list[str]:
        """Forget for good what was hidden before that moment; the ids of the runs."""
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
            return forgotten + _forget_comparisons(session, session.scalars(comparisons_due).all())

    def delete(self, run: str) -> None:
        """Forget a run and its events at once and for good, hidden or not.

        Raises BadInput for one that is running.
        """
        with self._database.writing() as session:
            row = deleted_row_of(session, run) or row_of(session, run)
            require_at_rest(row)
            forget(session, row)

    def hide_comparison(self, comparison: str) -> None:
        """Delete a comparison and its runs so that they can be brought back.

        Raises BadInput while one of them is running.
        """
        now = datetime.now(UTC)
        with self._database.writing() as session:
            row = comparison_row_of(session, comparison)
            kept = [run for run in runs_of(session, row) if run.deleted_at is None]
            for run in kept:
                require_at_rest(run)
                run.deleted_at = now
            row.deleted_at = now

    def deleted_comparison(self, comparison: str) -> ComparisonRecord | None:
        """A hidden comparison that can still be brought back; None where there is none."""
        with self._database.reading() as session:
            row = deleted_comparison_row_of(session, comparison)
            return comparison_record(session, row) if row else None

    def bring_back_comparison(self, comparison: str) -> None:
        """Undo `hide_comparison`. Raises UnknownComparison once it is forgotten."""
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
        """Forget a comparison and its runs at once and for good; the ids of the runs.

        Raises BadInput while one of them is running.
        """
        with self._database.writing() as session:
            row = deleted_comparison_row_of(session, comparison) or comparison_row_of(
                session, comparison
            )
            for run in runs_of(session, row):
                require_at_rest(run)
            return _forget_comparisons(session, [row])


def _forget_comparisons(session: Session, rows: Iterable[ComparisonRow]) -> list[str]:
    """Take comparisons and all that is left of their runs away for good; the ids of the runs."""
    forgotten = []
    for row in rows:
        for run in runs_of(session, row):
            forgotten.append(run.id)
            forget(session, run)
        session.add(RetiredIdRow(id=row.id))
        session.execute(delete(ComparisonRow).where(ComparisonRow.number == row.number))
    return forgotten
