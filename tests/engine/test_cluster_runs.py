"""Runs on other machines are the same to the bit, and nothing of them is lost with a machine."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mtl_core.engine.lab import Lab
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.describe import describe
from mtl_core.models.description import ModelDescription
from mtl_core.settings import ExecutorKind, Settings
from mtl_core.store.model_folder import model_folder
from mtl_core.store.record import RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import load_tasks
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.saved_state import saved_at
from mtl_core.training.spec import RunSpec
from tests.event_facts import facts
from tests.ray_cluster import RayCluster

Wait = Callable[..., None]
OpenLab = Callable[[ExecutorKind], Lab]
PATIENCE_SECONDS = 120.0
UPLOAD = "upload:0123456789abcdef"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayCluster]:
    """A head without cores, and one machine with a home of its own; the test adds another one."""
    monkeypatch.setenv("FREEZE_LAB_STATE_SECONDS", "1")
    homes = [tmp_path / name for name in ("head", "first", "second")]
    with RayCluster(cores=(0, 1), homes=homes, reserve=(1,)) as started:
        monkeypatch.setenv("RAY_ADDRESS", started.address)
        yield started


@pytest.fixture
def open_lab(
    tmp_path: Path, tiny_checkpoint: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> OpenLab:
    """An open lab with the real children; it has uploaded data."""

    def make(executor: ExecutorKind) -> Lab:
        home = tmp_path / f"home of {executor}"
        shutil.copytree(tiny_data.parent, home / "uploads" / UPLOAD.removeprefix("upload:"))
        monkeypatch.setenv("FREEZE_LAB_HOME", str(home))
        roots = (tiny_checkpoint.parent,)
        return Lab(Settings(home=home, threads=1, checkpoint_roots=roots, executor=executor)).open()

    return make


def spec_of(checkpoint: Path, data: Path, scenario: str, epochs: float, **values: Any) -> RunSpec:
    backbone = describe(resolve_checkpoint(str(checkpoint), ANY_FILE))
    model = ModelDescription(backbone, load_tasks(str(data), ANY_FILE))
    return prepare_spec(
        model,
        scenario_plan(scenario, model),
        checkpoint=str(checkpoint),
        scenario=scenario,
        data=UPLOAD,
        epochs=epochs,
        batch_size=4,
        max_length=32,
        threads=1,
        **values,
    )


def run_facts(store: RunStore, run: str) -> list[dict[str, Any]]:
    return [facts(event) for _, event in store.events(run)]


def finished(lab: Lab, spec: RunSpec, wait_until: Wait) -> RunRecord:
    run = lab.start(spec).id
    wait_until(lambda: lab.store.run(run).state.is_final, PATIENCE_SECONDS)
    record = lab.store.run(run)
    assert record.reason is None
    assert record.state is RunState.FINISHED
    return record


def test_a_run_is_the_same_to_the_bit_on_a_machine_with_a_home_of_its_own_and_after_its_loss(
    cluster: RayCluster,
    open_lab: OpenLab,
    tiny_checkpoint: Path,
    tiny_data: Path,
    wait_until: Wait,
) -> None:
    long = spec_of(tiny_checkpoint, tiny_data, "full", 300.0)
    with closing(open_lab(ExecutorKind.LOCAL)) as local:
        alone = finished(local, long, wait_until)
        expected = run_facts(local.store, alone.id)

    with closing(open_lab(ExecutorKind.RAY)) as lab:
        run = lab.start(long).id
        state = lab.settings.state_folder(run)
        wait_until(lambda: saved_at(state) is not None, PATIENCE_SECONDS)
        cluster.add_machine()
        cluster.kill_machine(1)
        wait_until(lambda: state.with_suffix(".attempts").exists(), PATIENCE_SECONDS)
        wait_until(lambda: lab.store.run(run).state.is_final, PATIENCE_SECONDS)
        record = lab.store.run(run)
        assert record.reason is None
        assert run_facts(lab.store, run) == expected
        wait_until(lambda: not state.exists())

        after = spec_of(tiny_checkpoint, tiny_data, "heads-only", 1.0, starts_from=run)
        finished(lab, after, wait_until)
        assert model_folder(lab.store, run).is_relative_to(lab.settings.home)


def test_a_run_of_a_batch_system_or_of_a_command_is_the_same_to_the_bit(
    open_lab: OpenLab,
    tiny_checkpoint: Path,
    tiny_data: Path,
    wait_until: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FREEZE_LAB_COMMAND", "nice {command}")
    spec = spec_of(tiny_checkpoint, tiny_data, "gradual", 6.0)
    found = []
    for kind in (ExecutorKind.LOCAL, ExecutorKind.SUBMITIT, ExecutorKind.COMMAND):
        with closing(open_lab(kind)) as lab:
            found.append(run_facts(lab.store, finished(lab, spec, wait_until).id))
            for folder in ("jobs", "states"):
                left = lab.settings.home / folder
                wait_until(lambda left=left: not any(left.glob("*")))
    local, *others = found
    assert len(local) > 18
    assert others == [local, local]
