"""The database of the run store: where it is, its transactions and its migrations."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import inspect, make_url, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import Session

from mtl_core.errors import BadInput, InternalError, StoreBlocked
from mtl_core.store.backend import Backend, Found
from mtl_core.store.migrations import HEAD, REVISIONS, upgrade
from mtl_core.store.postgresql import PostgresDatabase
from mtl_core.store.schema import OLDEST_VERSION, SCHEMA_VERSION, SchemaRow
from mtl_core.store.sqlite_file import SqliteFile
from mtl_core.text import one_line

_ERRORS = (DBAPIError, NoConnectionFree, sqlite3.DatabaseError)


class Database:
    """The database at a path (SQLite) or a URL (PostgreSQL), used by many threads and processes.

    It is migrated when it is opened. Raises BadInput for a database of another program or of a
    later version, StoreBlocked while it is locked or cannot be reached.
    """

    def __init__(self, place: Path | str) -> None:
        self._backend = _backend(place)
        try:
            found = self._backend.found()
            self._require_known(found)
            if found.revision != HEAD:
                self._migrate()
        except _ERRORS as problem:
            self.close()
            raise self._refusal(_cause(problem)) from None
        except BadInput:
            self.close()
            raise

    @property
    def place(self) -> str:
        """The path or the URL, without a password."""
        return str(self._backend.place)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session with a consistent view of the store.

        Raises InternalError, or its subclass StoreBlocked if it is locked, the disk is full or the
        connection is lost.
        """
        with self._database_errors("read"), Session(self._backend.reader) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are committed together or not at all. Raises as `reading`.

        If the connection is lost while they are committed, StoreBlocked is raised although they
        may have been stored.
        """
        with (
            self._database_errors("written"),
            Session(self._backend.writer) as session,
            session.begin(),
        ):
            yield session

    def fault(self) -> str | None:
        """What a check of the whole database finds; None if it finds nothing."""
        with self.reading() as session:
            return self._backend.fault(session)

    def size_bytes(self) -> int:
        """The size of the database."""
        with self.reading() as session:
            return self._backend.size_bytes(session)

    def close(self) -> None:
        """Close all connections."""
        self._backend.reader.dispose()

    def _require_known(self, found: Found) -> None:
        place = self._backend.place
        if found.tables and "schema" not in found.tables:
            raise BadInput(
                f"{place} is a database of another program: it has no table 'schema'. "
                f"{self._backend.damaged}"
            )
        version, revision = found.schema, found.revision
        if version is not None and not OLDEST_VERSION <= version <= SCHEMA_VERSION:
            later = f"schema {version}; this version of Freeze Lab reads schema {SCHEMA_VERSION}"
        elif revision is not None and revision not in REVISIONS:
            later = f"revision {revision}; this version of Freeze Lab reads revision {HEAD}"
        else:
            return
        raise BadInput(
            f"The run store {place} has {later}. Use the version that wrote it, or set "
            "FREEZE_LAB_HOME to another folder."
        )

    def _migrate(self) -> None:
        """Apply what is missing, in one transaction."""
        with Session(self._backend.writer) as session, session.begin():
            connection = session.connection()
            if "schema" in inspect(connection).get_table_names():
                version = session.scalar(select(SchemaRow.version))  # another process may be faster
                if version is not None and version < SCHEMA_VERSION:
                    self._backend.migrate_earlier(connection, version)
            upgrade(connection)

    def _refusal(self, problem: BaseException) -> BadInput | StoreBlocked:
        """The error for a store that cannot be opened: blocked for now, or to be changed first."""
        text = f"The run store {self._backend.place} cannot be opened: {_line(problem)}."
        remedy = self._backend.remedy(problem)
        if remedy is None or self._backend.needs_change(problem):
            return BadInput(f"{text} {remedy or self._backend.damaged}")
        return StoreBlocked(f"{text} {remedy}")

    @contextmanager
    def _database_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, NoConnectionFree) as problem:
            cause, place = _cause(problem), self._backend.place
            text = f"The run store {place} could not be {what}: {_line(cause)}."
            if (remedy := self._backend.remedy(cause)) is not None:
                raise StoreBlocked(f"{text} {remedy}") from problem
            if self._backend.is_damaged(cause):
                raise InternalError(f"{text} {self._backend.damaged}") from problem
            raise InternalError(text) from problem


def _backend(place: Path | str) -> Backend:
    if isinstance(place, Path):
        return SqliteFile(place)
    return PostgresDatabase(make_url(place))


def _cause(problem: BaseException) -> BaseException:
    """The error of the driver."""
    return getattr(problem, "orig", None) or problem


def _line(problem: BaseException) -> str:
    return one_line(problem).removesuffix(".")
