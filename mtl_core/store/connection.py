"""The SQLite file of the run store: connections, transactions and the version of its schema."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from mtl_core.errors import BadInput, InternalError, StoreBlocked
from mtl_core.store.schema import OLDEST_VERSION, SCHEMA_VERSION, SchemaRow, Table, migrate

_BUSY_SECONDS = 15.0  # a writer waits this long for another; transactions take milliseconds

_READ_ONLY = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_BLOCKED = {
    sqlite3.SQLITE_BUSY: "Another process has held its lock for {seconds:g} seconds: end that "
    "process, such as a backup or an editor of databases, or try again later.",
    sqlite3.SQLITE_FULL: "Free space on its disk, for example with `freeze-lab runs prune`.",
    sqlite3.SQLITE_IOERR: "Check that its disk has space left and works.",
    **dict.fromkeys(
        _READ_ONLY,
        "Make the file and its folder writable for this user, or set FREEZE_LAB_HOME to another "
        "folder.",
    ),
}
"""What to do, by error code of SQLite, where the file itself is not damaged."""
_DAMAGED = (
    "Move that file away to start with an empty store, or set FREEZE_LAB_HOME to another folder."
)


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
            _require_known(path)
            self._prepare()
        except (DatabaseError, sqlite3.DatabaseError) as problem:
            self.close()
            raise _refusal(path, getattr(problem, "orig", problem)) from None
        except BadInput:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session with a consistent view of the store.

        Raises InternalError, or its subclass StoreBlocked if the file is locked or the disk full.
        """
        with self._database_errors("read"), Session(self._reader) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are committed together or not at all. Raises as `reading`."""
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

    @contextmanager
    def _database_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except DatabaseError as problem:
            text = f"The run store {self.path} could not be {what}: {problem.orig}."
            if (remedy := _remedy(problem.orig)) is not None:
                raise StoreBlocked(f"{text} {remedy}") from problem
            if _code(problem.orig) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise InternalError(f"{text} {_DAMAGED}") from problem
            raise InternalError(text) from problem


def _require_known(path: Path) -> None:
    """Raises BadInput for a database of another version or program, before it is changed.

    Raises sqlite3.DatabaseError for a file that is damaged, or that cannot be read.
    """
    uri = f"{path.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if not tables:
            return
        if "schema" not in tables:
            raise BadInput(
                f"{path} is a database of another program: it has no table 'schema'. {_DAMAGED}"
            )
        version = connection.execute("SELECT max(version) FROM schema").fetchone()[0]
    if version is not None and not OLDEST_VERSION <= version <= SCHEMA_VERSION:
        raise BadInput(
            f"The run store {path} has schema {version}; this version of Freeze Lab reads schema "
            f"{SCHEMA_VERSION}. Use the version that wrote it, or set FREEZE_LAB_HOME to another "
            "folder."
        )


def _refusal(path: Path, problem: BaseException | None) -> BadInput | StoreBlocked:
    """The error for a file that cannot be opened: blocked for now, read-only, or damaged."""
    text = f"The run store {path} cannot be opened: {problem}."
    remedy = _remedy(problem)
    if remedy is None or _code(problem) in _READ_ONLY:
        return BadInput(f"{text} {remedy or _DAMAGED}")
    return StoreBlocked(f"{text} {remedy}")


def _remedy(problem: BaseException | None) -> str | None:
    """What to do about an error of SQLite if the file is not damaged; otherwise None."""
    remedy = _BLOCKED.get(_code(problem))
    return None if remedy is None else remedy.format(seconds=_BUSY_SECONDS)


def _code(problem: BaseException | None) -> int:
    """The primary error code of an error of SQLite."""
    return getattr(problem, "sqlite_errorcode", 0) & 0xFF


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
