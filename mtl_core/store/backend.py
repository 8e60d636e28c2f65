"""What differs between the databases of the run store."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

WAIT_SECONDS = 15.0
"""A writer waits this long for another one; transactions take milliseconds."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a database contains: its tables, and the versions in `schema` and in Alembic's table.

    A version is None without its table, or without a row in it.
    """

    tables: frozenset[str]
    schema: int | None = None
    revision: str | None = None


class Backend(Protocol):
    """A database system: its connections, its locks and its errors."""

    @property
    def place(self) -> str | Path:
        """Where the database is, for messages: without a password."""
        ...

    damaged: str
    """What to do if the database is damaged, or belongs to another program."""

    @property
    def reader(self) -> Engine:
        """Each of its transactions has a consistent view of the store."""
        ...

    @property
    def writer(self) -> Engine:
        """Each of its transactions begins once no other one writes.

        So rows that a transaction has read cannot change before it writes.
        """
        ...

    def found(self) -> Found:
        """What the database contains. Changes nothing; raises the driver's errors."""
        ...

    def migrate_earlier(self, connection: Connection, version: int) -> None:
        """Migrate a store from before Alembic, whose table `schema` has this version."""
        ...

    def remedy(self, problem: BaseException) -> str | None:
        """What to do about an error of the driver if the store works again then; else None."""
        ...

    def needs_change(self, problem: BaseException) -> bool:
        """Whether the store cannot be opened before its user has changed something."""
        ...

    def is_damaged(self, problem: BaseException) -> bool:
        """Whether an error of the driver shows that the database is damaged."""
        ...

    def fault(self, session: Session) -> str | None:
        """What a check of the whole database finds; None if it finds nothing."""
        ...

    def size_bytes(self, session: Session) -> int:
        """The size of the database."""
        ...
