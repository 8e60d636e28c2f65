"""What differs with PostgreSQL: its lock, what it refuses, and its migrations."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from mtl_core.errors import BadInput, StoreBlocked
from mtl_core.store import postgresql
from mtl_core.store.migrations import HEAD, REVISIONS
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.store.schema import Table
from mtl_core.training.events import RunStopped, Step
from mtl_core.training.spec import RunSpec
from tests.postgresql import PostgresServer

MIGRATIONS = Path(postgresql.__file__).with_name("migrations")


@pytest.fixture
def database(server: PostgresServer) -> Iterator[str]:
    """The URL of an empty database without any table."""
    server.execute("CREATE DATABASE bare TEMPLATE template0")
    yield server.url("bare")
    server.execute("DROP DATABASE bare WITH (FORCE)")


def test_the_migrations_build_the_tables_of_the_models(place: Path | str, store: RunStore) -> None:
    with store.session() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []
        assert context.get_current_revision() == HEAD
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert [each.revision for each in scripts.walk_revisions()][::-1] == list(REVISIONS)


def test_a_writer_waits_for_another_and_reads_need_no_lock(
    database: str, spec: RunSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "WAIT_SECONDS", 0.2)
    with closing(RunStore(database)) as store, psycopg.connect(database) as other:
        run = store.add(spec).id
        other.execute(f"SELECT pg_advisory_xact_lock({postgresql._WRITERS_LOCK})".encode())
        with pytest.raises(StoreBlocked, match=r"Another process has held its lock for 0\.2 sec"):
            store.add(spec)
        assert store.run(run).state is RunState.WAITING
        other.rollback()
        assert store.add(spec).state is RunState.WAITING


def test_a_lost_connection_is_replaced(
    database: str, server: PostgresServer, spec: RunSpec
) -> None:
    with closing(RunStore(database)) as store:
        run = store.add(spec).id
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname='bare'"
        )
        assert store.run(run).id == run


def test_events_that_are_sent_again_after_a_lost_answer_are_stored_once(
    store: RunStore, spec: RunSpec, steps: list[Step]
) -> None:
    run = store.add(spec, RunState.RUNNING)
    stopped = RunStopped(elapsed_seconds=1.0, reason="enough")
    for _ in range(2):
        assert store.append_all({run.id: steps[:2]}, after={run.id: 0}) == {run.id}
    for _ in range(2):  # the first two were stored, although the writer does not know
        assert store.append_all({run.id: [*steps, stopped]}, after={run.id: 0}) == {run.id}
    assert [event for _, event in store.events(run.id)] == [*steps, stopped]
    assert store.append_all({run.id: [*steps, stopped, stopped]}, after={run.id: 0}) == set()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://freezelab:s3cret@127.0.0.1:1/runs", "refused"),
        ("{server}/missing", '"missing" does not exist'),
        ("{stranger}/postgres", 'role "stranger" does not exist'),
    ],
)
def test_a_database_that_cannot_be_opened_says_what_to_do_and_no_password(
    server: PostgresServer, url: str, message: str
) -> None:
    at = server.url("x").removesuffix("/x")
    given = url.format(server=at, stranger=at.replace("freezelab@", "stranger:s3cret@"))
    with pytest.raises(BadInput, match=f"{message}.* Check that the server runs") as refused:
        RunStore(given)
    assert "s3cret" not in str(refused.value)


def test_a_database_of_another_program_is_refused_and_not_changed(
    database: str, server: PostgresServer
) -> None:
    server.execute("CREATE TABLE runs (run_uuid text)", "bare")
    with pytest.raises(BadInput, match=r"of another program: .* Freeze Lab needs a database of"):
        RunStore(database)
    tables = server.execute("SELECT tablename FROM pg_tables WHERE schemaname='public'", "bare")
    assert tables == [("runs",)]
