"""Files of earlier schemas, as the versions before wrote them, opened by this one."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtl_core.errors import BadInput
from mtl_core.store.owner import Owner
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.store.schema import SCHEMA_VERSION
from mtl_core.training.events import RunFinished
from mtl_core.training.spec import RunSpec
from tests.stored_runs import claim

VERSION_1 = Path(__file__).with_name("version_1.sql")
VERSION_2 = Path(__file__).with_name("version_2.sql")
FINISHED, WAITING = "261124-0655-heads-only-3f9a", "261124-0656-top-1-07bc"
ADD_A_RUN_AS_VERSION_1 = """
INSERT INTO runs (id, name, state, spec, created_at, last_event, stop_requested)
SELECT 'late', name, 'waiting', spec, created_at, 0, 0 FROM runs WHERE number = 2
"""


def written(sql: Path, path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(sql.read_text(encoding="utf-8"))
    return path


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    return written(VERSION_1, tmp_path / "runs.sqlite")


@pytest.fixture
def file_of_version_2(tmp_path: Path) -> Path:
    return written(VERSION_2, tmp_path / "runs.sqlite")


def columns(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Each table's columns with type, whether null is refused, default and key."""
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
        return {
            name: connection.execute(f"PRAGMA table_info('{name}')").fetchall()
            for name in sorted(tables)
        }


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT version FROM schema").fetchone()[0])


def test_a_file_of_version_1_keeps_its_runs_and_their_events(old_file: Path) -> None:
    with closing(RunStore(old_file)) as store:
        waiting, finished = store.runs()
        assert (finished.id, finished.state) == (FINISHED, RunState.FINISHED)
        assert (finished.spec.seed, finished.last_event) == (7, 5)
        assert finished.created_at == datetime(2026, 11, 24, 7, 52, 40, 256791, tzinfo=UTC)
        assert (waiting.id, waiting.state, waiting.name) == (WAITING, RunState.WAITING, "top-1")
        assert (finished.title, finished.tags, finished.deleted_at) == (None, (), None)
        events = store.events(FINISHED)
        assert [number for number, _ in events] == [1, 2, 3, 4, 5]
        last = events[-1][1]
        assert isinstance(last, RunFinished)
        assert last.metrics["sentiment"].headline == 0.75


def test_a_migrated_file_can_do_what_a_new_one_can(old_file: Path) -> None:
    with closing(RunStore(old_file)) as store:
        assert store.rename(FINISHED, "first try").title == "first try"
        assert store.tag(FINISHED, ["thesis"]).tags == ("thesis",)
        store.hide(FINISHED)
        assert [run.id for run in store.runs()] == [WAITING]
        claimed = claim(store, Owner.this_process())
        assert claimed is not None
        assert claimed.id == WAITING


def test_a_migrated_file_has_the_tables_of_a_new_one(old_file: Path, tmp_path: Path) -> None:
    RunStore(old_file).close()
    RunStore(tmp_path / "new.sqlite").close()
    assert columns(old_file) == columns(tmp_path / "new.sqlite")
    assert version(old_file) == SCHEMA_VERSION == 4


def test_a_migrated_file_is_opened_again_as_it_is(old_file: Path) -> None:
    for _ in range(2):
        with closing(RunStore(old_file)) as store:
            assert len(store.runs()) == 2


def test_a_server_of_version_1_can_still_add_runs(old_file: Path) -> None:
    with closing(RunStore(old_file)) as store:
        with closing(sqlite3.connect(old_file)) as earlier, earlier:
            earlier.execute(ADD_A_RUN_AS_VERSION_1)
        assert (store.run("late").title, store.run("late").tags) == (None, ())


def test_a_migration_that_fails_leaves_the_file_as_it_was(old_file: Path) -> None:
    with closing(sqlite3.connect(old_file)) as connection, connection:
        connection.execute("ALTER TABLE runs ADD COLUMN deleted_at TEXT")
    before = columns(old_file)
    with pytest.raises(BadInput, match="cannot be opened: duplicate column name: deleted_at"):
        RunStore(old_file)
    assert (columns(old_file), version(old_file)) == (before, 1)


def test_a_schema_older_than_any_is_refused(old_file: Path) -> None:
    with closing(sqlite3.connect(old_file)) as connection, connection:
        connection.execute("UPDATE schema SET version = 0")
    with pytest.raises(BadInput, match="has schema 0; this version of Freeze Lab reads schema 4"):
        RunStore(old_file)


def test_a_spec_of_version_1_is_a_spec_of_today(old_file: Path) -> None:
    with closing(RunStore(old_file)) as store:
        assert isinstance(store.run(WAITING).spec, RunSpec)


def test_a_file_of_version_2_keeps_its_runs_names_and_what_was_deleted(
    file_of_version_2: Path,
) -> None:
    with closing(RunStore(file_of_version_2)) as store:
        waiting, finished = store.runs()
        assert (finished.title, finished.tags) == ("first try", ("thesis", "ner"))
        assert len(store.events(finished.id)) == finished.last_event == 5
        assert (finished.comparison, finished.role, finished.factor) == (None, None, None)
        assert (finished.held, finished.keeps_model, finished.shipped) == (False, True, False)
        assert store.deleted("261124-1257-top-1-afb9") is not None
        assert store.comparisons() == []
        claimed = claim(store, Owner.this_process())
        assert claimed is not None
        assert claimed.id == waiting.id


def test_a_file_of_version_2_has_the_tables_of_a_new_one(
    file_of_version_2: Path, tmp_path: Path
) -> None:
    RunStore(file_of_version_2).close()
    RunStore(tmp_path / "new.sqlite").close()
    assert columns(file_of_version_2) == columns(tmp_path / "new.sqlite")
    assert version(file_of_version_2) == 4


def test_a_server_of_version_2_can_still_add_runs(file_of_version_2: Path) -> None:
    with closing(RunStore(file_of_version_2)) as store:
        with closing(sqlite3.connect(file_of_version_2)) as earlier, earlier:
            earlier.execute(ADD_A_RUN_AS_VERSION_1)
        late = store.run("late")
        assert (late.comparison, late.held, late.keeps_model) == (None, False, True)
