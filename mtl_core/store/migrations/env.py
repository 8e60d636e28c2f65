"""Alembic runs this file. It applies the migrations on the connection that `upgrade` passes on."""

from alembic import context

from mtl_core.store.migrations import REVISION_TABLE
from mtl_core.store.schema import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    version_table=REVISION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
