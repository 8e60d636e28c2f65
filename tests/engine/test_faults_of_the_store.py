"""The run store is locked, full, read-only, of another version or damaged: nothing is lost."""

import ctypes
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from mtl_core.engine.executor.local import LocalExecutor
from mtl_core.engine.run_writer import RunWriter
from mtl_core.engine.supervisor import Supervisor
from mtl_core.errors import BadInput, InternalError, StoreBlocked
from mtl_core.settings import Settings
from mtl_core.store import sqlite_file
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import PhaseFinished, RunStopped
from mtl_core.training.spec import RunSpec
from tests.full_disk import full_disk
from tests.postgresql import postgresql_server

Wait = Callable[..., None]
SpecOf = Callable[[str], RunSpec]
ROOT = Path(__file__).parents[2]

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""
LIST_RUNS = """
import os, sys
from mtl_core.cli.entry import run

codes = []
for os.environ["FREEZE_LAB_HOME"] in sys.argv[1:]:
    codes.append(run(["runs", "list"]))
print(*codes)
"""
FIELDS = {"phase": "heads", "frozen_identical": True, "frozen_tensors": 1}
MOVE_AWAY = "Move that file away to start with an empty store, or set FREEZE_LAB_HOME to another"
_BYPASSES_PERMISSIONS = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
_DROP_FROM_BOUNDING_SET = 24


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "WAIT_SECONDS", 0.3)


@pytest.fixture
def finished(store: RunStore, spec_of: SpecOf) -> str:
    """A run that has ended before the fault."""
    run = store.add(spec_of("quick"), RunState.RUNNING).id
    store.append(run, [RunStopped(elapsed_seconds=1.0, reason="enough")])
    return run


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process holds the lock on the file."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        yield
    finally:
        holder.communicate("\n")


@contextmanager
def running(
    store: RunStore, settings: Settings, trainer_argv: list[str], wait_until: Wait, run: str
) -> Iterator[Supervisor]:
    """A supervisor that has begun a run."""
    supervisor = Supervisor(store, settings, LocalExecutor(trainer_argv))
    supervisor.start()
    wait_until(lambda: store.run(run).last_event >= 2)
    try:
        yield supervisor
    finally:
        supervisor.close()


def test_a_locked_store_is_read_at_once_and_refuses_to_write_after_the_wait(
    store: RunStore, settings: Settings, spec_of: SpecOf, finished: str
) -> None:
    with closing(RunStore(settings.database)) as impatient, locked(settings.database):
        assert impatient.run(finished).state is RunState.STOPPED
        with pytest.raises(
            StoreBlocked,
            match=r"could not be written: database is locked\. Another process has held its lock "
            r"for 0\.3 seconds: end that process, such as a backup",
        ):
            impatient.add(spec_of("quick"))
        with closing(RunStore(settings.database)) as opened:
            assert opened.run(finished).state is RunState.STOPPED
    assert [run.id for run in store.runs()] == [finished]
    assert store.add(spec_of("quick")).state is RunState.WAITING


def test_a_locked_store_that_has_to_be_migrated_cannot_be_opened(
    store: RunStore, settings: Settings, finished: str
) -> None:
    assert isinstance(settings.database, Path)
    with closing(sqlite3.connect(settings.database)) as connection:
        connection.execute("DROP TABLE alembic_version")  # as before Alembic
    with (
        locked(settings.database),
        pytest.raises(StoreBlocked, match=r"cannot be opened: database is locked\. Another"),
    ):
        RunStore(settings.database)
    with closing(RunStore(settings.database)) as opened:
        assert opened.run(finished).state is RunState.STOPPED


def test_events_of_a_run_in_the_foreground_are_written_once_the_lock_is_released(
    store: RunStore, settings: Settings, spec_of: SpecOf
) -> None:
    with closing(RunStore(settings.database)) as impatient:
        writer = RunWriter(impatient, store.add(spec_of("quick"), RunState.RUNNING))
        with locked(settings.database):
            for seconds in (1.0, 2.0):
                writer.add(PhaseFinished(elapsed_seconds=seconds, **FIELDS))
            assert store.events(writer.run.id) == []
        writer.stop("enough")
    events = store.events(writer.run.id)
    assert [event.event for _, event in events] == ["phase_finished"] * 2 + ["run_stopped"]


def test_a_run_continues_while_the_store_is_locked_and_no_event_is_lost(
    settings: Settings, spec_of: SpecOf, trainer_argv: list[str], wait_until: Wait, caplog
) -> None:
    with closing(RunStore(settings.database)) as store:
        run = store.add(spec_of("counting")).id
        with running(store, settings, trainer_argv, wait_until, run):
            with locked(settings.database):
                wait_until(lambda: "Events of runs are written later" in caplog.text)
            before = store.run(run).last_event
            wait_until(lambda: store.run(run).last_event > before + 3)
            store.request_stop(run)
            wait_until(lambda: store.run(run).state.is_final)
        steps = [event.step for _, event in store.events(run, kinds={"step"})]  # type: ignore[union-attr]
        assert store.run(run).reason == "stopped between two steps"
        assert steps == list(range(1, len(steps) + 1))


def test_a_run_continues_while_postgresql_is_killed_and_no_event_is_lost(
    settings: Settings, spec_of: SpecOf, trainer_argv: list[str], wait_until: Wait, caplog
) -> None:
    with postgresql_server() as server, closing(RunStore(server.url("postgres"))) as store:
        run, waiting = store.add(spec_of("counting")).id, store.add(spec_of("quick")).id
        with running(store, settings, trainer_argv, wait_until, run):
            server.kill()
            wait_until(lambda: "The run store is tried again every second" in caplog.text)
            server.start()
            before = store.run(run).last_event
            wait_until(lambda: store.run(run).last_event > before + 3)
            store.request_stop(run)
            wait_until(lambda: store.run(waiting).state.is_final)
        steps = [event.step for _, event in store.events(run, kinds={"step"})]  # type: ignore[union-attr]
        assert store.run(run).reason == "stopped between two steps"
        assert steps == list(range(1, len(steps) + 1))
        assert store.run(waiting).state is RunState.FINISHED


def test_a_run_continues_while_the_disk_is_full_and_no_event_is_lost(
    settings: Settings, spec_of: SpecOf, trainer_argv: list[str], wait_until: Wait, caplog
) -> None:
    with closing(RunStore(settings.database)) as store:
        run = store.add(spec_of("counting")).id
        log = settings.database.with_name("runs.sqlite-wal")
        with running(store, settings, trainer_argv, wait_until, run):
            with full_disk(log.stat().st_size):
                wait_until(lambda: "Events of runs are written later" in caplog.text)
                with pytest.raises(StoreBlocked, match=r"could not be written: .*disk"):
                    store.add(spec_of("quick"))
            store.request_stop(run)
            wait_until(lambda: store.run(run).state.is_final)
        steps = [event.step for _, event in store.events(run, kinds={"step"})]  # type: ignore[union-attr]
        assert store.run(run).reason == "stopped between two steps"
        assert steps == list(range(1, len(steps) + 1))


def test_a_full_database_says_what_frees_space(
    store: RunStore, spec_of: SpecOf, finished: str
) -> None:
    full = store.session()
    with full as session:
        pages = session.connection().exec_driver_sql("PRAGMA page_count").scalar()
        session.connection().exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    spec = spec_of("quick").model_copy(update={"data": "d" * 100_000})  # more than is left
    with pytest.raises(
        StoreBlocked,
        match=r"database or disk is full\. Free space on its disk, for example with `freeze-lab "
        r"runs prune`\.",
    ):
        store.add(spec)
    assert store.run(finished).state is RunState.STOPPED


def unprivileged() -> None:
    """Let permissions hold for root too: its next program cannot bypass them."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None)
        for capability in _BYPASSES_PERMISSIONS:
            assert libc.prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0) == 0


def test_a_read_only_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    homes = [tmp_path / name for name in ("with a store", "without one")]
    for home in homes:
        home.mkdir()
    RunStore(homes[0] / "runs.sqlite").close()
    (homes[0] / "runs.sqlite").chmod(0o400)
    before = [{each.name: each.read_bytes() for each in home.iterdir()} for home in homes]
    for home in homes:
        home.chmod(0o500)
    done = subprocess.run(
        [sys.executable, "-c", LIST_RUNS, *map(str, homes)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=unprivileged,
    )
    for home in homes:
        home.chmod(0o700)
    assert done.stdout == "2 2\n"
    messages = done.stderr.splitlines()
    assert len(messages) == 2
    assert all("FREEZE_LAB_HOME to" in message for message in messages)
    assert [{each.name: each.read_bytes() for each in home.iterdir()} for home in homes] == before


def test_a_home_that_no_user_can_write_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadInput, match=r"cannot be created: .* Set FREEZE_LAB_HOME to a folder"):
        RunStore(Path("/proc/freeze-lab/runs.sqlite"))


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_newer_store_is_refused_and_stays_as_it_is_to_the_byte(
    settings: Settings, store: RunStore, finished: str, journal: str
) -> None:
    store.close()
    with closing(sqlite3.connect(settings.database)) as connection, connection:
        connection.execute("UPDATE schema SET version = 99")
        connection.commit()
        connection.execute(f"PRAGMA journal_mode = {journal}")
    before = settings.database.read_bytes()
    with pytest.raises(BadInput, match=r"has schema 99; .* Use the version that wrote it, or set"):
        RunStore(settings.database)
    assert settings.database.read_bytes() == before


def test_a_database_of_another_program_is_refused_and_stays_as_it_is(settings: Settings) -> None:
    settings.home.mkdir()
    with closing(sqlite3.connect(settings.database)) as connection, connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    before = settings.database.read_bytes()
    with pytest.raises(BadInput, match=f"is a database of another program: .* {MOVE_AWAY}"):
        RunStore(settings.database)
    assert settings.database.read_bytes() == before


def cut_in_half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def garbage_in_the_header(content: bytes) -> bytes:
    return b"?" * 64 + content[64:]


def garbage_in_the_middle(content: bytes) -> bytes:
    page = 4096
    return content[:page] + b"?" * (len(content) - page)


@pytest.mark.parametrize(
    ("damage", "kind", "cause"),
    [
        (cut_in_half, BadInput, "cannot be opened: database disk image is malformed"),
        (garbage_in_the_header, BadInput, "cannot be opened: file is not a database"),
        (garbage_in_the_middle, BadInput, "cannot be opened: database disk image is malformed"),
    ],
)
def test_a_damaged_store_is_refused_with_what_to_do_and_stays_as_it_is(
    settings: Settings,
    store: RunStore,
    finished: str,
    damage: Callable[[bytes], bytes],
    kind: type[Exception],
    cause: str,
) -> None:
    store.close()
    damaged = damage(settings.database.read_bytes())
    settings.database.write_bytes(damaged)
    with pytest.raises(kind, match=f"{cause}. {MOVE_AWAY}"):
        RunStore(settings.database)
    assert settings.database.read_bytes() == damaged


def test_damage_in_the_events_is_an_error_of_the_machine_with_what_to_do(
    settings: Settings, store: RunStore, spec_of: SpecOf, finished: str
) -> None:
    with store.session() as session:
        root = session.connection().exec_driver_sql(
            "SELECT rootpage FROM sqlite_master WHERE name = 'events'"
        )
        page = int(root.scalar() or 0)
    store.close()
    content = bytearray(settings.database.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"?" * 4096
    settings.database.write_bytes(content)
    with (
        closing(RunStore(settings.database)) as opened,
        pytest.raises(InternalError, match=f"malformed. {MOVE_AWAY}"),
    ):
        opened.events(finished)
