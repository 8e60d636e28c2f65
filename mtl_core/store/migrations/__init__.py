"""Migrations of the run store by Alembic. Each adds only tables, or columns with defaults.

So a server of an earlier version can still write to a store that a later one has migrated, until
it opens it again.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect

REVISION_TABLE = "alembic_version"
REVISIONS = ("0004",)
"""All revisions, the first one first. It is the schema of the last version without Alembic."""

HEAD = REVISIONS[-1]
"""The revision of `mtl_core.store.schema`."""


def upgrade(connection: Connection) -> None:
    """Create the tables, or apply the migrations that are missing, in the open transaction.

    A store from before Alembic, which has no revision, counts as one of the first revision.
    """
    from alembic import command  # takes a fifth of a second, and most stores are up to date
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent))
    tables = inspect(connection).get_table_names()
    if "schema" in tables and REVISION_TABLE not in tables:
        command.stamp(config, REVISIONS[0])
    command.upgrade(config, HEAD)
