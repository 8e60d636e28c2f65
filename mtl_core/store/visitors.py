"""Visitors in the run store: the uploads that they own and what they have hidden."""

from datetime import UTC, datetime

from sqlalchemy import delete, func, select

from mtl_core.store.connection import Database
from mtl_core.store.schema import HiddenRow, UploadRow


class Visitors:
    """The part of the run store with the visitors' uploads and hidden runs."""

    _database: Database

    def add_uploader(self, reference: str, visitor: str) -> None:
        """Record that a visitor uploaded a data set. It may have several uploaders."""
        now = datetime.now(UTC)
        with self._database.writing() as session:
            session.merge(UploadRow(reference=reference, visitor=visitor, uploaded_at=now))

    def uploaders(self, reference: str) -> frozenset[str]:
        """The visitors who uploaded a data set; empty for one of an earlier version."""
        query = select(UploadRow.visitor).where(UploadRow.reference == reference)
        with self._database.reading() as session:
            return frozenset(session.scalars(query))

    def uploads_of(self, visitor: str) -> int:
        """The number of data sets that a visitor has stored."""
        query = select(func.count()).where(UploadRow.visitor == visitor)
        with self._database.reading() as session:
            return session.scalar(query) or 0

    def uploaded_before(self, before: datetime) -> list[str]:
        """The data sets that nobody has uploaded since a time."""
        query = (
            select(UploadRow.reference)
            .group_by(UploadRow.reference)
            .having(func.max(UploadRow.uploaded_at) < before)
        )
        with self._database.reading() as session:
            return list(session.scalars(query))

    def remove_uploaders(self, reference: str, visitor: str | None = None) -> None:
        """Remove a visitor from the uploaders of a data set, or without one all of them."""
        query = delete(UploadRow).where(UploadRow.reference == reference)
        if visitor is not None:
            query = query.where(UploadRow.visitor == visitor)
        with self._database.writing() as session:
            session.execute(query)

    def hide_from(self, visitor: str, id_: str) -> None:
        """Hide a run or a comparison from one visitor."""
        with self._database.writing() as session:
            session.merge(HiddenRow(visitor=visitor, id=id_))

    def hidden_from(self, visitor: str) -> frozenset[str]:
        """The ids that a visitor has hidden."""
        query = select(HiddenRow.id).where(HiddenRow.visitor == visitor)
        with self._database.reading() as session:
            return frozenset(session.scalars(query))

    def show_all_to(self, visitor: str) -> None:
        """Forget what a visitor has hidden."""
        with self._database.writing() as session:
            session.execute(delete(HiddenRow).where(HiddenRow.visitor == visitor))
