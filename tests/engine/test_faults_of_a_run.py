"""Memory and disk run out during real runs, and the trainer is killed: reason, other runs, way on.

All runs have the same trainer, in which torch is loaded once; a limit holds for one of them.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest

from mtl_core.engine import supervisor
from mtl_core.engine.lab import Lab
from mtl_core.errors import MEMORY_REMEDY
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.tasks.dataset import load_tasks
from mtl_core.training.events import RunEvent
from mtl_core.training.saved_state import saved_at, saved_events
from mtl_core.training.spec import RunSpec
from tests.engine.children.limited_trainer import NO_MEMORY, NO_MEMORY_TO_LOAD, NO_SPACE

Wait = Callable[..., None]
PROGRAM = [sys.executable, str(Path(__file__).with_name("children") / "limited_trainer.py")]
MEMORY_RAN_OUT = (
    "Memory ran out: try a smaller batch size or maximum length, or a plan that trains only higher "
    "layers."
)
DISK_IS_FULL = (
    "The disk is full. Free space, for example with `freeze-lab runs prune`, which deletes saved "
    "models; then `freeze-lab runs resume RUN` continues a run that was cut off."
)


@pytest.fixture(scope="module")
def settings(
    tiny_checkpoint: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    return Settings(
        home=tmp_path_factory.mktemp("home"),
        threads=1,
        checkpoint_roots=(tiny_checkpoint.parent,),
        data_roots=(tiny_data.parent,),
    )


@pytest.fixture(scope="module")
def lab(settings: Settings) -> Iterator[Lab]:
    with Lab(settings, [*PROGRAM, str(settings.home)]) as opened:
        yield opened


@pytest.fixture
def limited(settings: Settings) -> Iterator[Callable[[str], Path]]:
    """Limit the runs that start from now on; returns the file that says so."""
    made = []

    def limit(name: str) -> Path:
        made.append(settings.home / name)
        made[-1].touch()
        return made[-1]

    yield limit
    for each in made:
        each.unlink(missing_ok=True)


@pytest.fixture
def spec_of(tiny_checkpoint: Path, tiny_data: Path) -> Callable[..., RunSpec]:
    """The spec of a run of the tiny encoder: first the heads for an epoch, then all of it."""

    def make(epochs: float = 2.0, **values: object) -> RunSpec:
        phases = (
            Phase(name="heads", train=("heads",), epochs=1),
            Phase(name="all", train=("all",), epochs=max(1, int(epochs) - 1)),
        )
        return RunSpec(
            **{
                "checkpoint": str(tiny_checkpoint),
                "data": str(tiny_data),
                "plan": Plan(name="all", phases=phases),
                "tasks": load_tasks(str(tiny_data), ANY_FILE),
                "epochs": epochs,
                "batch_size": 4,
                "max_length": 16,
                "measure": False,
                **values,
            }
        )

    return make


@pytest.fixture
def end_of(lab: Lab, wait_until: Wait) -> Callable[[str], RunState]:
    """Wait for the end of a run; returns its state."""

    def wait(run: str) -> RunState:
        wait_until(lambda: lab.store.run(run).state.is_final, 120.0)
        return lab.store.run(run).state

    return wait


@pytest.fixture(scope="module")
def finished() -> dict[str, list[tuple[int, RunEvent]]]:
    """The finished runs with their events."""
    return {}


@pytest.fixture(autouse=True)
def _finished_runs_stay_as_they_are(
    lab: Lab, finished: dict[str, list[tuple[int, RunEvent]]]
) -> Iterator[None]:
    yield
    for run, events in finished.items():
        assert lab.store.run(run).state is RunState.FINISHED
        assert lab.store.events(run) == events
        assert (lab.settings.run_folder(run) / "model.safetensors").is_file()


def steps(lab: Lab, run: str) -> list[int]:
    return [event.step for _, event in lab.store.events(run, kinds={"step"})]  # type: ignore[union-attr]


def test_a_run_before_the_faults_finishes(lab, end_of, spec_of, finished) -> None:  # type: ignore[no-untyped-def]
    run = lab.start(spec_of()).id
    assert end_of(run) is RunState.FINISHED
    finished[run] = lab.store.events(run)


@pytest.mark.parametrize("limit", [NO_MEMORY, NO_MEMORY_TO_LOAD])
def test_a_run_without_memory_names_it_and_what_to_do(lab, end_of, spec_of, limited, limit) -> None:  # type: ignore[no-untyped-def]
    limited(limit)
    run = lab.start(spec_of(checkpoint="minilm-l6")).id
    assert end_of(run) is RunState.FAILED
    reason = lab.store.run(run).reason
    crashed = "The process was ended by SIGSEGV. A library crashed;"  # as some do without memory
    assert reason == MEMORY_RAN_OUT or reason.startswith(crashed)
    assert MEMORY_REMEDY in reason


def test_a_run_on_a_full_disk_fails_and_is_resumed_once_there_is_space(  # type: ignore[no-untyped-def]
    lab, end_of, spec_of, limited, finished
) -> None:
    full = limited(NO_SPACE)
    run = lab.start(spec_of()).id
    assert (end_of(run), lab.store.run(run).reason) == (RunState.FAILED, DISK_IS_FULL)
    assert steps(lab, run) == [1, 2, 3, 4, 5, 6]
    folder = lab.settings.run_folder(run)
    assert [each.name for each in folder.parent.iterdir()] == list(finished)
    full.unlink()
    lab.resume_run(run)
    assert end_of(run) is RunState.FINISHED
    assert steps(lab, run) == [1, 2, 3, 4, 5, 6]
    finished[run] = lab.store.events(run)


def test_a_killed_trainer_fails_its_run_which_continues_from_its_state(  # type: ignore[no-untyped-def]
    lab, end_of, spec_of, wait_until, is_gone
) -> None:
    run = lab.start(spec_of(epochs=1000.0)).id
    state = lab.settings.state_folder(run)
    wait_until(lambda: lab.store.run(run).state.is_final or len(steps(lab, run)) > 3, 60.0)
    assert [event.step for event in saved_events(state) if event.event == "step"] == [1, 2, 3]
    (pid,) = lab._supervisor.trainer_pids
    copies = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(pid, signal.SIGKILL)
    assert end_of(run) is RunState.FAILED
    assert (lab.store.run(run).reason or "").startswith("The process was ended by SIGKILL. Most")
    wait_until(lambda: all(is_gone(int(copy)) for copy in copies))
    before = lab.store.events(run)[:-1]
    assert lab.resume_run(run).last_event == len(saved_events(state))
    wait_until(lambda: lab.store.run(run).last_event > len(before), 60.0)
    assert [number for number, _ in lab.store.events(run)] == [
        *range(1, lab.store.run(run).last_event + 1)
    ]
    again = lab.store.events(run)[: len(before)]
    assert [_loss(event) for _, event in again] == [_loss(event) for _, event in before]
    lab.stop(run)
    assert end_of(run) is RunState.STOPPED


def _loss(event: RunEvent) -> object:
    return event.loss if event.event == "step" else event.event


def test_a_lab_that_is_closed_saves_the_state_of_its_run_and_leaves_no_process(  # type: ignore[no-untyped-def]
    lab, settings, spec_of, wait_until, is_gone, monkeypatch
) -> None:
    """The last test of this file: it closes the lab."""
    monkeypatch.setattr(supervisor, "_WORTH_SAVING_SECONDS", 0.0)
    run = lab.start(spec_of(epochs=1000.0)).id
    wait_until(lambda: len(steps(lab, run)) > 10, 60.0)
    earlier = saved_at(settings.state_folder(run))
    pids, began = lab._supervisor.trainer_pids, monotonic()
    lab._supervisor.close()
    assert monotonic() - began < 5
    assert all(is_gone(pid) for pid in pids)
    assert (saved_at(settings.state_folder(run)) or 0) > (earlier or 0)
    record = lab.store.run(run)
    assert record.state is RunState.INTERRUPTED
    assert record.reason == (
        "Freeze Lab was closed during this run. Resume it to continue after its last saved step."
    )
    kept = [e.step for e in saved_events(settings.state_folder(run)) if e.event == "step"]
    assert len(kept) > 10
    assert len(kept) >= len(steps(lab, run)) - 2
