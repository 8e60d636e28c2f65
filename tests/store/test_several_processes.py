"""Several processes on one store: claiming, owners that live and owners that are gone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mtl_core.errors import BadInput
from mtl_core.store.owner import Owner
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import Step
from mtl_core.training.spec import RunSpec
from tests.store.statements import execute

CLAIM_TWENTY = """
import sys
from pathlib import Path
from mtl_core.store.owner import Owner
from mtl_core.store.runs import RunStore

place = sys.argv[1]
store = RunStore(place if "://" in place else Path(place))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(20):
    print(store.claim_job(Owner.this_process())[0].id)
store.close()
"""

RUN_ONE = """
import sys
from pathlib import Path
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.spec import RunSpec

place = sys.argv[1]
store = RunStore(place if "://" in place else Path(place))
spec = RunSpec.model_validate_json(sys.argv[2])
print(store.add(spec, RunState.RUNNING).id, flush=True)
sys.stdin.readline()
store.close()
"""


def start(code: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


@pytest.fixture
def other_process(
    place: Path | str, store: RunStore, spec: RunSpec
) -> Iterator[subprocess.Popen[str]]:
    """Another process with a run of its own, whose id it prints."""
    process = start(RUN_ONE, str(place), spec.model_dump_json())
    yield process
    process.kill()
    process.communicate()


def test_two_processes_never_claim_the_same_run(
    place: Path | str, store: RunStore, spec: RunSpec
) -> None:
    ids = [store.add(spec).id for _ in range(60)]
    processes = [start(CLAIM_TWENTY, str(place)) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # all are up: let them loose together
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    claimed = [process.communicate(timeout=60)[0].split() for process in processes]
    assert sorted(run for runs in claimed for run in runs) == sorted(ids)
    assert [len(runs) for runs in claimed] == [20, 20, 20]
    assert {run.state for run in store.runs()} == {RunState.RUNNING}


def test_a_live_run_of_another_process_is_never_interrupted(
    store: RunStore, other_process: subprocess.Popen[str]
) -> None:
    assert other_process.stdout is not None
    run = other_process.stdout.readline().strip()
    assert store.mark_interrupted() == []
    assert store.run(run).state is RunState.RUNNING


def test_a_run_whose_process_was_killed_is_interrupted(
    store: RunStore, other_process: subprocess.Popen[str]
) -> None:
    assert other_process.stdout is not None
    run = other_process.stdout.readline().strip()
    other_process.kill()
    other_process.wait()
    assert store.mark_interrupted() == [run]
    lost = store.run(run)
    assert lost.state is RunState.INTERRUPTED
    assert lost.finished_at is not None
    assert lost.reason is not None
    assert "was killed, or the machine was shut down" in lost.reason
    assert store.mark_interrupted() == []


def test_a_killed_process_that_nobody_reaped_counts_as_gone(
    store: RunStore, other_process: subprocess.Popen[str]
) -> None:
    assert other_process.stdout is not None
    run = other_process.stdout.readline().strip()
    other_process.kill()
    os.waitid(os.P_PID, other_process.pid, os.WEXITED | os.WNOWAIT)  # dead, and left a zombie
    assert store.mark_interrupted() == [run]


def test_a_process_number_given_to_another_process_does_not_keep_a_run(
    store: RunStore, spec: RunSpec
) -> None:
    here = Owner.this_process()
    run = store.add(spec, RunState.RUNNING, Owner(here.place, here.pid, started="1")).id
    assert store.mark_interrupted() == [run]


def test_runs_of_this_process_and_waiting_ones_are_left_alone(
    store: RunStore, spec: RunSpec
) -> None:
    running, waiting = store.add(spec, RunState.RUNNING).id, store.add(spec).id
    assert store.mark_interrupted() == []
    assert store.run(running).state is RunState.RUNNING
    assert store.run(waiting).state is RunState.WAITING


def test_an_owner_elsewhere_lives_as_long_as_its_heart_beats(
    place: Path | str, store: RunStore, spec: RunSpec
) -> None:
    elsewhere = Owner("another container", 1, "100")
    run = store.add(spec, RunState.RUNNING, elsewhere).id
    _silent_for(place, elsewhere, timedelta(seconds=50))
    assert store.mark_interrupted() == []
    _silent_for(place, elsewhere, timedelta(seconds=70))
    store.heartbeat(elsewhere)
    assert store.mark_interrupted() == []
    _silent_for(place, elsewhere, timedelta(seconds=70))
    assert store.mark_interrupted() == [run]


def test_an_interrupted_run_that_speaks_after_all_is_running_again(
    place: Path | str, store: RunStore, spec: RunSpec, steps: list[Step]
) -> None:
    elsewhere = Owner("another container", 1, "100")
    run = store.add(spec, RunState.RUNNING, elsewhere).id
    _silent_for(place, elsewhere, timedelta(seconds=70))
    store.mark_interrupted()
    assert store.append(run, steps)
    again = store.run(run)
    assert (again.state, again.reason, again.finished_at) == (RunState.RUNNING, None, None)
    assert store.mark_interrupted() == []


def _silent_for(place: Path | str, owner: Owner, age: timedelta) -> None:
    """Move an owner's last heartbeat into the past."""
    execute(
        place,
        "UPDATE owners SET seen_at = :then WHERE id = :owner",
        then=(datetime.now(UTC) - age).isoformat(),
        owner=owner.id,
    )


def test_a_run_interrupted_by_its_owner_keeps_the_reason(store: RunStore, spec: RunSpec) -> None:
    run = store.add(spec, RunState.RUNNING).id
    store.interrupt(run, "The server was closed.")
    store.interrupt(run, "A second reason.")
    assert store.run(run).reason == "The server was closed."
    assert store.run(run).state is RunState.INTERRUPTED


def test_a_newer_schema_is_refused_with_both_versions(place: Path | str, store: RunStore) -> None:
    execute(place, "UPDATE schema SET version = 99")
    with pytest.raises(BadInput, match="has schema 99; this version of Freeze Lab reads schema 4"):
        RunStore(place)


def test_a_later_revision_is_refused_with_both(place: Path | str, store: RunStore) -> None:
    execute(place, "UPDATE alembic_version SET version_num = '0099'")
    with pytest.raises(BadInput, match="revision 0099; this version of Freeze Lab reads revision"):
        RunStore(place)


def test_a_file_that_is_no_store_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    path.write_text("a letter to a friend, long enough to be no database " * 40)
    with pytest.raises(BadInput, match="cannot be opened: file is not a database"):
        RunStore(path)
    assert path.read_text().startswith("a letter to a friend")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    with pytest.raises(BadInput, match=r"cannot be created: .* Set FREEZE_LAB_HOME"):
        RunStore(tmp_path / "home" / "runs.sqlite")
