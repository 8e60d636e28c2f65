"""The tables of the run store, and migrations from before Alembic; see `docs/storage.md`."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Connection,
    Enum,
    ForeignKey,
    Index,
    String,
    Text,
    TypeDecorator,
    false,
    true,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from mtl_core.store.record import RunRole, RunState

SCHEMA_VERSION = 4


class UtcTime(TypeDecorator[datetime]):
    """A time, stored as ISO 8601 text in UTC, which is readable and sorts as text."""

    impl = String(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The order of the bytes, which other collations of PostgreSQL do not keep."""
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(String(32, collation=collation))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Convert an aware time to text."""
        return value.astimezone(UTC).isoformat(timespec="microseconds") if value else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert text to an aware time."""
        return datetime.fromisoformat(value) if value else None


class Words(TypeDecorator[tuple[str, ...]]):
    """A few short texts, stored as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Convert texts to JSON without escapes."""
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:  # noqa: ARG002
        """Convert JSON to texts."""
        return None if value is None else tuple(json.loads(value))


def _words_of(kind: type[StrEnum]) -> Enum:
    """A column type that stores the values of `kind` as text."""
    return Enum(
        kind, native_enum=False, length=16, values_callable=lambda words: [w.value for w in words]
    )


_NO, _YES = false(), true()


class Table(DeclarativeBase):
    """The base of all tables."""


class SchemaRow(Table):
    """The version of the schema that the file has, in one row."""

    __tablename__ = "schema"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class OwnerRow(Table):
    """A process that executes or executed runs, and its last heartbeat."""

    __tablename__ = "owners"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    place: Mapped[str] = mapped_column(Text)
    pid: Mapped[int]
    started: Mapped[str | None] = mapped_column(Text)
    seen_at: Mapped[datetime] = mapped_column(UtcTime)


class ComparisonRow(Table):
    """One comparison; its runs refer to it."""

    __tablename__ = "comparisons"
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    spec: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcTime)
    shipped: Mapped[bool] = mapped_column(default=False, server_default=_NO)
    visitor: Mapped[str | None] = mapped_column(Text)


class RunRow(Table):
    """One run."""

    __tablename__ = "runs"
    __table_args__ = (
        Index("runs_by_state", "state", "number"),
        Index("runs_by_comparison", "comparison", "number"),
        Index("runs_by_visitor", "visitor", "started_at"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    state: Mapped[RunState] = mapped_column(_words_of(RunState))
    spec: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime)
    reason: Mapped[str | None] = mapped_column(Text)
    last_event: Mapped[int] = mapped_column(default=0)
    stop_requested: Mapped[bool] = mapped_column(default=False)
    owner: Mapped[str | None] = mapped_column(ForeignKey("owners.id"))
    title: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[tuple[str, ...]] = mapped_column(Words, default=(), server_default="[]")
    deleted_at: Mapped[datetime | None] = mapped_column(UtcTime)
    comparison: Mapped[str | None] = mapped_column(ForeignKey("comparisons.id"))
    role: Mapped[RunRole | None] = mapped_column(_words_of(RunRole))
    factor: Mapped[float | None]
    held: Mapped[bool] = mapped_column(default=False, server_default=_NO)
    keeps_model: Mapped[bool] = mapped_column(default=True, server_default=_YES)
    shipped: Mapped[bool] = mapped_column(default=False, server_default=_NO)
    visitor: Mapped[str | None] = mapped_column(Text)


class EventRow(Table):
    """One event of one run."""

    __tablename__ = "events"
    __table_args__ = ({"sqlite_with_rowid": False},)

    run: Mapped[int] = mapped_column(
        ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)


class HiddenRow(Table):
    """A shipped run or comparison that a visitor does not want to see."""

    __tablename__ = "hidden"

    visitor: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[str] = mapped_column(Text, primary_key=True)


class UploadRow(Table):
    """A visitor who uploaded a data set. The same files may have been uploaded by several."""

    __tablename__ = "uploads"

    reference: Mapped[str] = mapped_column(Text, primary_key=True)
    visitor: Mapped[str] = mapped_column(Text, primary_key=True)
    uploaded_at: Mapped[datetime] = mapped_column(UtcTime)


class PauseRow(Table):
    """Present while the queue is paused: then no waiting run starts."""

    __tablename__ = "pause"

    since: Mapped[datetime] = mapped_column(UtcTime, primary_key=True)


class RetiredIdRow(Table):
    """The id of a deleted run or comparison, which is never used again."""

    __tablename__ = "retired_ids"

    id: Mapped[str] = mapped_column(Text, primary_key=True)


_TO_VERSION_2 = (  # titles, tags and restorable deletion
    "ALTER TABLE runs ADD COLUMN title TEXT",
    "ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE runs ADD COLUMN deleted_at VARCHAR(32)",
)
_TO_VERSION_3 = (  # comparisons and shipped runs
    """
    CREATE TABLE comparisons (
        number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        spec TEXT NOT NULL,
        created_at VARCHAR(32) NOT NULL,
        deleted_at VARCHAR(32),
        shipped BOOLEAN NOT NULL DEFAULT 0
    )
    """,
    "ALTER TABLE runs ADD COLUMN comparison TEXT REFERENCES comparisons (id)",
    "ALTER TABLE runs ADD COLUMN role VARCHAR(16)",
    "ALTER TABLE runs ADD COLUMN factor DOUBLE",
    "ALTER TABLE runs ADD COLUMN held BOOLEAN NOT NULL DEFAULT 0",
    "ALTER TABLE runs ADD COLUMN keeps_model BOOLEAN NOT NULL DEFAULT 1",
    "ALTER TABLE runs ADD COLUMN shipped BOOLEAN NOT NULL DEFAULT 0",
    "CREATE INDEX runs_by_comparison ON runs (comparison, number)",
)
_TO_VERSION_4 = (  # visitors, and a queue that can be paused
    "ALTER TABLE runs ADD COLUMN visitor TEXT",
    "ALTER TABLE comparisons ADD COLUMN visitor TEXT",
    "CREATE INDEX runs_by_visitor ON runs (visitor, started_at)",
    """
    CREATE TABLE hidden (
        visitor TEXT NOT NULL,
        id TEXT NOT NULL,
        PRIMARY KEY (visitor, id)
    )
    """,
    """
    CREATE TABLE uploads (
        reference TEXT NOT NULL,
        visitor TEXT NOT NULL,
        uploaded_at VARCHAR(32) NOT NULL,
        PRIMARY KEY (reference, visitor)
    )
    """,
    "CREATE TABLE pause (since VARCHAR(32) NOT NULL PRIMARY KEY)",
)
_STEPS = {1: _TO_VERSION_2, 2: _TO_VERSION_3, 3: _TO_VERSION_4}

OLDEST_VERSION = min(_STEPS)
"""The oldest schema that can be migrated."""


def migrate(connection: Connection, version: int) -> None:
    """Migrate a file from `version` to SCHEMA_VERSION in the open transaction.

    A migration only adds columns with defaults, so that a server of the earlier version can still
    write to the file.
    """
    for each in range(version, SCHEMA_VERSION):
        for statement in _STEPS[each]:
            connection.exec_driver_sql(statement)
    connection.exec_driver_sql("UPDATE schema SET version = ?", (SCHEMA_VERSION,))
