"""Bringing a file of an earlier schema up to this one, without losing a run."""

from sqlalchemy import Connection

_TO_VERSION_2 = (  # names, tags and deleting with undo
    "ALTER TABLE runs ADD COLUMN title TEXT",
    "ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE runs ADD COLUMN deleted_at VARCHAR(32)",
)
_TO_VERSION_3 = (  # comparisons, and what comes with the product
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
_STEPS = {1: _TO_VERSION_2, 2: _TO_VERSION_3}  # from this version to the next one

OLDEST_VERSION = min(_STEPS)
"""The oldest schema that can still be brought up."""


def migrate(connection: Connection, version: int, wanted: int) -> None:
    """Take the file from `version` to `wanted`, inside the transaction that is open.

    Columns are only added, each with a default, so that a server of the earlier version that has
    the file open meanwhile can still write its runs.
    """
    for each in range(version, wanted):
        for statement in _STEPS[each]:
            connection.exec_driver_sql(statement)
    connection.exec_driver_sql("UPDATE schema SET version = ?", (wanted,))
