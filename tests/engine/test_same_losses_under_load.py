"""The same spec gives the same losses to the bit, whatever else the machine does meanwhile."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from mtl_core.engine import supervisor
from mtl_core.engine.capacity import Capacity
from mtl_core.engine.lab import Lab
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.describe import describe
from mtl_core.models.description import ModelDescription
from mtl_core.settings import Settings
from mtl_core.store.record import RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import load_tasks
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec

NEIGHBOUR = "import os; os.nice(15); print('busy', flush=True)\nwhile True: pass"
PATIENCE_SECONDS = 120.0
CarryOut = Callable[..., list[RunRecord]]


@pytest.fixture
def lab_in(
    tiny_checkpoint: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], Lab]:
    """A lab with the real children, two cores and a home of its own, not open yet."""
    monkeypatch.setattr(supervisor, "capacity_here", lambda *_: Capacity(runs=2, cores=2))

    def make(home: Path) -> Lab:
        roots = {"checkpoint_roots": (tiny_checkpoint.parent,), "data_roots": (tiny_data.parent,)}
        return Lab(Settings(home=home, threads=2, parallel_runs=2, **roots))

    return make


@pytest.fixture
def spec(tiny_checkpoint: Path, tiny_data: Path) -> RunSpec:
    """Phase after phase on a model with dropout: frozen layers reused at first, all run at last."""
    backbone = describe(resolve_checkpoint(str(tiny_checkpoint), ANY_FILE))
    model = ModelDescription(backbone, load_tasks(str(tiny_data), ANY_FILE))
    return prepare_spec(
        model,
        scenario_plan("gradual", model),
        checkpoint=str(tiny_checkpoint),
        scenario="gradual",
        data=str(tiny_data),
        epochs=6,
        batch_size=4,
        max_length=32,
        seed=7,
        threads=2,
    )


@pytest.fixture
def busy_neighbour() -> Iterator[subprocess.Popen[str]]:
    """A process that keeps a core busy, no more willing to wait than a trainer is."""
    process = subprocess.Popen([sys.executable, "-c", NEIGHBOUR], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "busy\n"
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def carried_out(wait_until: Callable[..., None]) -> CarryOut:
    """Put runs into the queue, then open the lab; the runs when all have ended."""

    def carry_out(lab: Lab, *specs: RunSpec) -> list[RunRecord]:
        runs = [lab.store.add(spec).id for spec in specs]
        lab.open()
        for run in runs:
            wait_until(lambda run=run: lab.store.run(run).state.is_final, PATIENCE_SECONDS)
        return [lab.store.run(run) for run in runs]

    return carry_out


def losses(store: RunStore, run: RunRecord) -> list[object]:
    """The loss of every step and every evaluation, with all their digits."""
    told = [event for _, event in store.events(run.id, kinds={"step", "evaluation"})]
    return [
        event.loss
        if event.event == "step"
        else {task: score.loss for task, score in event.tasks.items()}
        for event in told
    ]


@pytest.mark.long
def test_losses_are_the_same_to_the_bit_beside_a_busy_neighbour_and_beside_another_run(
    lab_in: Callable[[Path], Lab],
    spec: RunSpec,
    carried_out: CarryOut,
    busy_neighbour: subprocess.Popen[str],
    tmp_path: Path,
) -> None:
    one_thread = spec.model_copy(update={"threads": 1})
    other_seed, other_beside = (each.model_copy(update={"seed": 8}) for each in (spec, one_thread))
    with closing(lab_in(tmp_path / "busy")) as lab:
        runs = carried_out(lab, spec, spec, other_seed, one_thread, other_beside)
        disturbed, after_it, other, beside, other_one = (losses(lab.store, run) for run in runs)
    assert busy_neighbour.poll() is None
    *wide, first, second = runs
    for earlier, waiting in pairwise((*wide, first)):
        assert waiting.created_at <= earlier.started_at
        assert earlier.finished_at <= waiting.started_at
    assert second.started_at < first.finished_at

    busy_neighbour.kill()
    with closing(lab_in(tmp_path / "quiet")) as lab:
        alone = carried_out(lab, spec, one_thread)
        undisturbed, undisturbed_one = (losses(lab.store, run) for run in alone)
    assert alone[0].finished_at <= alone[1].started_at

    assert [run.state for run in (*runs, *alone)] == [RunState.FINISHED] * 7
    assert len(undisturbed) == 18 + 7
    assert disturbed == undisturbed
    assert after_it == undisturbed
    assert other != undisturbed
    assert beside == undisturbed_one
    assert other_one != undisturbed_one
