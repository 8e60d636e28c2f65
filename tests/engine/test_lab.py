"""The lab as the dashboard uses it."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mtl_core.engine.lab import Lab
from mtl_core.engine.purge import purge_deleted
from mtl_core.errors import BadInput, DataError, UnknownCheckpoint, UnknownRun
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.spec import RunSpec

Wait = Callable[[Callable[[], bool]], None]
SpecOf = Callable[[str], RunSpec]

ONE_LAB_FOR_ALL = """
import sys
from concurrent.futures import ThreadPoolExecutor
from mtl_core.engine.lab import the_lab

with ThreadPoolExecutor(8) as sessions:
    labs = list(sessions.map(lambda _: the_lab(), range(8)))
print(len({id(lab) for lab in labs}), labs[0].settings.home, "torch" in sys.modules,
      "transformers" in sys.modules)
"""


@pytest.fixture
def lab(settings: Settings, trainer_argv: list[str], inspector_argv: list[str]) -> Iterator[Lab]:
    with Lab(settings, trainer_argv, inspector_argv) as opened:
        yield opened


def test_a_run_is_started_watched_and_deleted_with_its_files(
    lab: Lab, spec_of: SpecOf, wait_until: Wait
) -> None:
    run = lab.start(spec_of("quick")).id
    wait_until(lambda: lab.store.run(run).state is RunState.FINISHED)
    folder = lab.settings.run_folder(run)
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    lab.delete(run)
    with pytest.raises(UnknownRun, match=f"Run '{run}' was deleted"):
        lab.store.run(run)
    assert folder.exists()
    assert purge_deleted(lab.store, lab.settings) == []
    assert lab.undo_delete(run).state is RunState.FINISHED
    lab.delete(run)
    assert purge_deleted(lab.store, lab.settings, after=timedelta(0)) == [run]
    assert not folder.exists()
    with pytest.raises(UnknownRun, match=f"There is no run '{run}'"):
        lab.undo_delete(run)


def test_deleted_runs_are_purged_when_a_lab_opens_and_while_it_works(
    settings: Settings, spec_of: SpecOf, trainer_argv: list[str], wait_until: Wait
) -> None:
    with closing(RunStore(settings.database)) as store:
        old, recent = (store.add(spec_of("quick")).id for _ in range(2))
        store.hide(old)
        store.hide(recent)
        _date_back(settings, old)
        settings.run_folder(old).mkdir(parents=True)
    with Lab(settings, trainer_argv) as opened:
        assert opened.store.deleted(old) is None
        assert not settings.run_folder(old).exists()
        assert opened.store.deleted(recent) is not None
    with Lab(settings, trainer_argv) as working:
        _date_back(settings, recent)
        working._supervisor._last_housekeeping = float("-inf")  # housekeeping is due now
        working._supervisor.wake()
        wait_until(lambda: working.store.deleted(recent) is None)


def _date_back(settings: Settings, run: str) -> None:
    with closing(sqlite3.connect(settings.database)) as connection, connection:
        before = (datetime.now(UTC) - timedelta(minutes=11)).isoformat(timespec="microseconds")
        connection.execute("UPDATE runs SET deleted_at = ? WHERE id = ?", (before, run))


def test_a_restored_waiting_run_starts(lab: Lab, spec_of: SpecOf, wait_until: Wait) -> None:
    under_way, waiting = lab.start(spec_of("deaf")).id, lab.start(spec_of("quick")).id
    lab.delete(waiting)
    lab.stop(under_way)
    wait_until(lambda: lab.store.run(under_way).state is RunState.STOPPED)
    assert lab.undo_delete(waiting).id == waiting
    wait_until(lambda: lab.store.run(waiting).state is RunState.FINISHED)


def test_a_run_gets_title_and_tags_or_neither(lab: Lab, spec_of: SpecOf) -> None:
    run = lab.store.add(spec_of("quick")).id
    named = lab.name_run(run, " first ", ["thesis"])
    assert (named.title, named.tags) == ("first", ("thesis",))
    with pytest.raises(BadInput, match="at most 30 are allowed"):
        lab.name_run(run, "second", ["y" * 31])
    with pytest.raises(BadInput, match="at most 80 are allowed"):
        lab.name_run(run, "y" * 81, ["other"])
    assert (lab.store.run(run).title, lab.store.run(run).tags) == ("first", ("thesis",))


def test_a_running_run_must_be_stopped_before_it_is_deleted(
    lab: Lab, spec_of: SpecOf, wait_until: Wait
) -> None:
    run = lab.start(spec_of("deaf")).id
    wait_until(lambda: lab.store.run(run).last_event >= 2)
    with pytest.raises(BadInput, match="is running: stop it first"):
        lab.delete(run)
    assert lab.stop(run).stop_requested
    wait_until(lambda: lab.store.run(run).state is RunState.STOPPED)


def test_the_catalogue_is_described_without_a_child(lab: Lab) -> None:
    model = lab.model_description("bert-base-uncased", DEFAULT_TASKS)
    assert model.total == 109_482_240 + 2 * 769 + 4 * 769
    assert lab._inspector._child is None


def test_a_browser_cannot_load_a_path_outside_the_configured_folders(
    lab: Lab, spec_of: SpecOf, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text("{}")
    outside = spec_of("quick").model_copy(update={"checkpoint": str(tmp_path)})
    with pytest.raises(UnknownCheckpoint, match=str(tmp_path)):
        lab.model_description(str(tmp_path), DEFAULT_TASKS)
    with pytest.raises(UnknownCheckpoint, match=str(tmp_path)):
        lab.start(outside)
    assert lab.store.runs() == []


def test_data_are_below_a_configured_folder_after_following_links(
    tmp_path: Path, settings: Settings, spec_of: SpecOf
) -> None:
    allowed, elsewhere = tmp_path / "data", tmp_path / "private"
    allowed.mkdir()
    elsewhere.mkdir()
    (allowed / "link").symlink_to(elsewhere)
    lab = Lab(settings.model_copy(update={"data_roots": (allowed,)}))
    (allowed / "manifest.yaml").touch()
    for accepted in ("sample", "sample-posts", str(allowed / "manifest.yaml")):
        lab.start(spec_of("quick").model_copy(update={"data": accepted}))
    for refused in (elsewhere, allowed / "link", allowed / ".." / "private", "a\0b", "x" * 9999):
        with pytest.raises(DataError, match=r"is not allowed here\. Allowed folders:"):
            lab.start(spec_of("quick").model_copy(update={"data": str(refused)}))
    lab.close()


def test_without_a_configured_folder_only_the_sample_is_allowed(lab: Lab, spec_of: SpecOf) -> None:
    with pytest.raises(DataError, match="set FREEZE_LAB_DATA, or use the command line"):
        lab.start(spec_of("quick").model_copy(update={"data": "manifest.yaml"}))


def test_a_server_that_was_killed_leaves_its_runs_to_the_next(
    settings: Settings,
    server_argv: list[str],
    trainer_argv: list[str],
    spec_of: SpecOf,
    wait_until: Wait,
    is_gone: Callable[[int], bool],
) -> None:
    specs = [spec_of(behaviour).model_dump_json() for behaviour in ("deaf", "quick")]
    server = subprocess.Popen(
        [*server_argv, str(settings.home), trainer_argv[1], *specs],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert server.stdout is not None
    under_way, waiting, trainer = server.stdout.readline().split()
    with Lab(settings, trainer_argv) as neighbour:
        assert neighbour.store.run(under_way).state is RunState.RUNNING
        wait_until(lambda: neighbour.store.run(waiting).state is RunState.FINISHED)
    server.send_signal(signal.SIGKILL)
    server.communicate()
    wait_until(lambda: is_gone(int(trainer)))
    with Lab(settings, trainer_argv) as restarted:
        lost = restarted.store.run(under_way)
        assert lost.state is RunState.INTERRUPTED
        assert len(restarted.store.events(under_way)) == 2
        assert restarted.store.run(waiting).state is RunState.FINISHED


def test_all_sessions_share_one_lab_without_torch(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ONE_LAB_FOR_ALL],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "FREEZE_LAB_HOME": str(tmp_path / "home")},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["1", str(tmp_path / "home"), "False", "False"]


def test_the_real_inspector_describes_a_configuration_once(
    tmp_path: Path, settings: Settings
) -> None:
    config = {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "num_hidden_layers": 2,
        "hidden_size": 32,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "vocab_size": 100,
    }
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text(json.dumps(config))
    open_here = settings.model_copy(update={"checkpoint_roots": (tmp_path,)})
    with Lab(open_here) as lab:
        model = lab.model_description(str(tmp_path / "tiny"), DEFAULT_TASKS)
        assert (model.backbone.depth, model.backbone.hidden_size) == (2, 32)
        assert lab._inspector._child is not None
        assert lab._inspector._child.alive
    with Lab(open_here) as later:
        assert later.model_description(str(tmp_path / "tiny"), DEFAULT_TASKS) == model
        assert later._inspector._child is None
