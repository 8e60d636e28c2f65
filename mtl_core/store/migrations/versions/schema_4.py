"""The tables of schema 4, the last one before Alembic."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = None

_TIME = sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    schema = op.create_table(
        "schema", sa.Column("version", sa.Integer, primary_key=True, autoincrement=False)
    )
    op.create_table(
        "owners",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started", sa.Text),
        sa.Column("seen_at", _TIME, nullable=False),
    )
    op.create_table(
        "comparisons",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("deleted_at", _TIME),
        sa.Column("shipped", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("visitor", sa.Text),
        sqlite_autoincrement=True,
    )
    _create_runs()
    op.create_table(
        "events",
        sa.Column(
            "run", sa.Integer, sa.ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hidden",
        sa.Column("visitor", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
    )
    op.create_table(
        "uploads",
        sa.Column("reference", sa.Text, primary_key=True),
        sa.Column("visitor", sa.Text, primary_key=True),
        sa.Column("uploaded_at", _TIME, nullable=False),
    )
    op.create_table("pause", sa.Column("since", _TIME, primary_key=True))
    op.create_table("retired_ids", sa.Column("id", sa.Text, primary_key=True))
    op.execute(schema.insert().values(version=4))


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME),
        sa.Column("finished_at", _TIME),
        sa.Column("reason", sa.Text),
        sa.Column("last_event", sa.Integer, nullable=False),
        sa.Column("stop_requested", sa.Boolean, nullable=False),
        sa.Column("owner", sa.Text, sa.ForeignKey("owners.id")),
        sa.Column("title", sa.Text),
        sa.Column("tags", sa.Text, nullable=False, server_default="[]"),
        sa.Column("deleted_at", _TIME),
        sa.Column("comparison", sa.Text, sa.ForeignKey("comparisons.id")),
        sa.Column("role", sa.String(16)),
        sa.Column("factor", sa.Double),
        sa.Column("held", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("keeps_model", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("shipped", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("visitor", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("runs_by_state", "runs", ["state", "number"])
    op.create_index("runs_by_comparison", "runs", ["comparison", "number"])
    op.create_index("runs_by_visitor", "runs", ["visitor", "started_at"])
