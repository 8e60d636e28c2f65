"""The SQLite file of the run store: connections, transactions and the version of its schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from mtl_core.errors import BadInput, InternalError
from mtl_core.store.schema import OLDEST_VERSION, SCHEMA_VERSION, SchemaRow, Table, migrate

_BUSY_SECONDS = 15.0  # a writer waits this long for another; transactions take milliseconds


class Database:
    """A SQLite file that several threads and processes use at the same time.

    Readers never wait, because of the write-ahead log. A writer takes the lock when its
    transaction begins, so that rows cannot change between its reads and its writes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                path.touch(mode=0o600)  # SQLite would let everybody on this machine read it
        except OSError as problem:
            raise BadInput(
                f"The run store {path} cannot be created: "
                f"{problem.strerror}. Set FREEZE_LAB_HOME to a folder you may write to."
            ) from None
        self._reader = _engine(path)
        self._writer = self._reader.execution_options(writes=True)
        try:
            self._prepare()
        except DatabaseError as problem:
            self.close()
            raise BadInput(
                f"The run store {path} cannot be opened: {problem.orig}. "
                "Move that file away to start with an empty store, or set FREEZE_LAB_HOME to "
                "another folder."
            ) from None
        except BadInput:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session with a consistent view of the store. Raises InternalError."""
        with self._database_errors("read"), Session(self._reader) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are committed together or not at all. Raises InternalError."""
        with self._database_errors("written"), Session(self._writer) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self._reader.dispose()

    def _prepare(self) -> None:
        with Session(self._writer) as session, session.begin():
            connection = session.connection()
            Table.metadata.create_all(connection, tables=[Table.metadata.tables["schema"]])
            version = session.scalar(select(SchemaRow.version))
            if version is None:
                session.add(SchemaRow(version=SCHEMA_VERSION))
                Table.metadata.create_all(connection)
            elif OLDEST_VERSION <= version < SCHEMA_VERSION:
                migrate(connection, version)
            elif version != SCHEMA_VERSION:
                raise BadInput(
                    f"The run store {self.path} has schema {version}; this version of Freeze Lab "
                    f"reads schema {SCHEMA_VERSION}. Use the version that wrote it, or set "
                    "FREEZE_LAB_HOME to another folder."
                )

    @contextmanager
    def _database_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except DatabaseError as problem:
            raise InternalError(
                f"The run store {self.path} could not be {what}: {problem.orig}."
            ) from problem


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: DBAPIConnection, _record: object) -> None:
    # None leaves transactions to `_begin`. Otherwise sqlite3 begins a transaction at the first
    # write, after the reads that the write depends on.
    connection.isolation_level = None
    cursor = connection.cursor()
    for setting in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
