"""A run in the process of a command, with the real trainer."""

from pathlib import Path

import pytest

from mtl_core.engine.foreground import StopRun
from mtl_core.engine.lab import Lab
from mtl_core.errors import MissingWeights
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.tasks.dataset import load_tasks
from mtl_core.training.events import RunEvent, RunStopped
from mtl_core.training.spec import RunSpec
from mtl_core.training.starting import Stage, Starting


@pytest.fixture
def spec(tiny_checkpoint: Path, tiny_data: Path) -> RunSpec:
    return RunSpec(
        checkpoint=str(tiny_checkpoint),
        plan=Plan(name="heads", phases=(Phase(name="heads", train=("heads",)),)),
        data=str(tiny_data),
        tasks=load_tasks(str(tiny_data), ANY_FILE),
        epochs=1,
        batch_size=6,
        max_length=16,
    )


def test_a_run_in_the_foreground_is_listed_as_running_and_its_events_are_stored(
    settings: Settings, spec: RunSpec, tmp_path: Path
) -> None:
    received: list[RunEvent] = []
    states: list[list[RunState]] = []

    with Lab(settings, reserved=True) as lab:

        def on_event(event: RunEvent) -> None:
            received.append(event)
            states.append([run.state for run in lab.store.active()])

        lab.run_in_foreground(spec, tmp_path / "model", on_event)
        (run,) = lab.store.runs()
        assert run.state is RunState.FINISHED
        assert [event for _, event in lab.store.events(run.id)] == received
    assert states == [[RunState.RUNNING]] * (len(received) - 1) + [[]]
    assert (tmp_path / "model" / "model.safetensors").is_file()


def test_the_stages_until_the_first_step_are_reported_and_stored_apart_from_the_events(
    settings: Settings, spec: RunSpec
) -> None:
    reported: list[Starting] = []
    with Lab(settings, reserved=True) as lab:
        lab.run_in_foreground(spec, None, lambda _event: None, on_stage=reported.append)
        (run,) = lab.store.runs()
        stored = lab.store.stages(run.id)
        numbers = [number for number, _ in lab.store.events(run.id)]
    stages = [Stage.DATA, Stage.ENCODER, Stage.FROZEN_OUTPUTS, Stage.EVALUATION, Stage.STEP]
    assert [each.stage for each in reported] == [Stage.IMPORTS, *stages]
    assert [each.stage for each in stored] == stages
    assert [each.after for each in stored] == [0, 0, 1, 1, 4]
    assert (stored[2].done, stored[2].total) == (0, 12)
    seconds = [each.elapsed_seconds for each in stored]
    assert seconds == sorted(seconds)
    assert numbers == list(range(1, run.last_event + 1))


def test_stop_run_keeps_the_run_as_stopped_with_the_reason(
    settings: Settings, spec: RunSpec
) -> None:
    def on_event(event: RunEvent) -> None:
        if event.event == "step":
            raise StopRun("enough")

    with Lab(settings, reserved=True) as lab:
        with pytest.raises(StopRun):
            lab.run_in_foreground(spec, None, on_event)
        (run,) = lab.store.runs()
        assert (run.state, run.reason) == (RunState.STOPPED, "enough")
        _, last = lab.store.events(run.id)[-1]
        assert isinstance(last, RunStopped)


def test_bad_input_before_the_first_event_leaves_no_run(
    settings: Settings, spec: RunSpec, tmp_path: Path
) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((Path(spec.checkpoint) / name).read_bytes())
    without_weights = spec.model_copy(update={"checkpoint": str(tmp_path)})

    with Lab(settings, reserved=True) as lab:
        with pytest.raises(MissingWeights):
            lab.run_in_foreground(without_weights, None, lambda _event: None)
        assert lab.store.runs() == []


def test_a_stop_request_of_another_lab_ends_the_run(settings: Settings, spec: RunSpec) -> None:
    dashboard = Lab(settings)

    def on_event(event: RunEvent) -> None:
        if event.event == "phase_started":
            (running,) = dashboard.store.active()
            dashboard.stop(running.id)

    long = spec.model_copy(update={"epochs": 1000})  # the request is read twice a second
    with Lab(settings, reserved=True) as lab:
        lab.run_in_foreground(long, None, on_event)
        (run,) = lab.store.runs()
        assert (run.state, run.reason) == (RunState.STOPPED, "Stopped on request.")
        assert not lab.store.events(run.id, kinds=["phase_finished"])
    dashboard.close()
