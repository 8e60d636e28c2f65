"""The run store in a SQLite file: its connections, locks and errors."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session

from mtl_core.errors import BadInput
from mtl_core.store.backend import WAIT_SECONDS, Found
from mtl_core.store.migrations import REVISION_TABLE
from mtl_core.store.schema import migrate

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


class SqliteFile:
    """A SQLite file that several threads and processes of one machine use at the same time.

    Readers never wait, because of the write-ahead log. Raises BadInput if the file cannot be
    created.
    """

    damaged = (
        "Move that file away to start with an empty store, or set FREEZE_LAB_HOME to another "
        "folder."
    )

    def __init__(self, path: Path) -> None:
        self.place = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                path.touch(mode=0o600)  # SQLite would let everybody on this machine read it
        except OSError as problem:
            raise BadInput(
                f"The run store {path} cannot be created: "
                f"{problem.strerror}. Set FREEZE_LAB_HOME to a folder you may write to."
            ) from None
        self.reader = _engine(path)
        self.writer = self.reader.execution_options(writes=True)

    def found(self) -> Found:
        """What the file contains. Raises sqlite3.DatabaseError if it is damaged or unreadable."""
        uri = f"{self.place.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=WAIT_SECONDS)) as connection:
            named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = frozenset(name for (name,) in named)
            schema = "SELECT max(version) FROM schema"
            revision = f"SELECT max(version_num) FROM {REVISION_TABLE}"  # noqa: S608
            return Found(
                tables,
                connection.execute(schema).fetchone()[0] if "schema" in tables else None,
                connection.execute(revision).fetchone()[0] if REVISION_TABLE in tables else None,
            )

    def migrate_earlier(self, connection: Connection, version: int) -> None:
        """Migrate a file of an earlier schema to the first one that Alembic knows."""
        migrate(connection, version)

    def remedy(self, problem: BaseException) -> str | None:
        """What to do about an error of SQLite if the file is not damaged; otherwise None."""
        remedy = _BLOCKED.get(_code(problem))
        return None if remedy is None else remedy.format(seconds=WAIT_SECONDS)

    def needs_change(self, problem: BaseException) -> bool:
        """Whether the file is read-only."""
        return _code(problem) in _READ_ONLY

    def is_damaged(self, problem: BaseException) -> bool:
        """Whether the file is damaged, or no database."""
        return _code(problem) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

    def fault(self, session: Session) -> str | None:
        """What SQLite's quick check finds."""
        found = session.scalar(text("PRAGMA quick_check"))
        return None if found == "ok" else str(found)

    def size_bytes(self, session: Session) -> int:  # noqa: ARG002
        """The size of the file."""
        return self.place.stat().st_size


def _code(problem: BaseException) -> int:
    """The primary error code of an error of SQLite."""
    return getattr(problem, "sqlite_errorcode", 0) & 0xFF


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": WAIT_SECONDS})
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
