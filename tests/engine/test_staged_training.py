"""Staged training as the dashboard does it: the lab starts a run, the real trainer trains it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
import torch

from mtl_core.engine.lab import Lab
from mtl_core.errors import InvalidRun, UnknownRun
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.describe import describe
from mtl_core.models.description import ModelDescription
from mtl_core.models.stored_tensors import all_tensors
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.tasks.dataset import load_tasks
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec

Wait = Callable[..., None]
SpecOf = Callable[..., RunSpec]
PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="module")
def lab(
    tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, tiny_data: Path
) -> Iterator[Lab]:
    """A lab with the real children, which may load the tiny checkpoint and data."""
    home = tmp_path_factory.mktemp("staged") / "home"
    roots = {"checkpoint_roots": (tiny_checkpoint.parent,), "data_roots": (tiny_data.parent,)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FREEZE_LAB_HOME", str(home))  # the trainer finds saved models there
        with Lab(Settings(home=home, threads=1, **roots)) as opened:
            yield opened


@pytest.fixture(scope="module")
def tiny(tiny_checkpoint: Path, tiny_data: Path) -> SpecOf:
    """A short run of a scenario on the tiny checkpoint and data."""
    backbone = describe(resolve_checkpoint(str(tiny_checkpoint), ANY_FILE))
    model = ModelDescription(backbone, load_tasks(str(tiny_data), ANY_FILE))

    def make(scenario: str, **choices: object) -> RunSpec:
        return prepare_spec(
            model,
            scenario_plan(scenario, model),
            checkpoint=str(tiny_checkpoint),
            scenario=scenario,
            data=str(tiny_data),
            epochs=2,
            batch_size=4,
            max_length=32,
            **choices,
        )

    return make


@pytest.fixture(scope="module")
def first(lab: Lab, tiny: SpecOf) -> str:
    """A finished run that trained everything and saved its model; its id."""
    run = lab.start(tiny("full")).id
    wait_for(lab, run)
    return run


def wait_for(lab: Lab, run: str) -> None:
    """Wait until the run has finished; fail if it does not."""
    deadline = monotonic() + PATIENCE_SECONDS
    while not lab.store.run(run).state.is_final:
        assert monotonic() < deadline, "the run does not end"
        sleep(0.01)
    ended = lab.store.run(run)
    assert ended.state is RunState.FINISHED, ended.reason


def test_the_second_stage_starts_from_the_first_and_a_frozen_head_is_saved_unchanged(
    lab: Lab, tiny: SpecOf, first: str
) -> None:
    second = lab.start(tiny("freeze-head:ner", starts_from=first)).id
    wait_for(lab, second)

    (_, last) = lab.store.events(first, kinds=["evaluation"])[-1]
    (_, begin) = lab.store.events(second, kinds=["evaluation"])[0]
    assert (begin.step, begin.tasks) == (0, last.tasks)
    one, two = (all_tensors(lab.settings.run_folder(run)) for run in (first, second))
    assert all(torch.equal(one[name], two[name]) for name in ("ner.weight", "ner.bias"))
    assert not torch.equal(one["classifier.weight"], two["classifier.weight"])
    (_, end) = lab.store.events(second, kinds=["run_finished"])[0]
    assert (end.frozen_identical, end.output) == (True, str(lab.settings.run_folder(second)))


@pytest.mark.long
def test_every_run_of_a_comparison_starts_from_the_given_run(
    lab: Lab, tiny: SpecOf, first: str, wait_until: Wait
) -> None:
    spec = tiny("full")
    comparison = ComparisonSpec(
        checkpoint=spec.checkpoint,
        scenarios=("heads-only", "full"),
        seeds=(3, 4),
        data=spec.data,
        epochs=1,
        batch_size=4,
        max_length=32,
        starts_from=first,
    )
    with pytest.raises(InvalidRun, match="cannot have a random encoder too"):
        lab.start_comparison(comparison.model_copy(update={"random_backbone": True}))
    with pytest.raises(UnknownRun, match="There is no run 'nothing'"):
        lab.start_comparison(comparison.model_copy(update={"starts_from": "nothing"}))
    made = lab.start_comparison(comparison).id
    wait_until(lambda: lab.comparison_progress(made).ended, PATIENCE_SECONDS)

    (_, last) = lab.store.events(first, kinds=["evaluation"])[-1]
    runs = [run.id for run in lab.store.comparison(made).runs]
    assert len(runs) == 4
    for run in runs:
        (_, begin) = lab.store.events(run, kinds=["evaluation"])[0]
        assert (begin.step, begin.tasks) == (0, last.tasks)


def test_a_start_that_does_not_match_is_refused_before_anything_is_queued(
    lab: Lab, tiny: SpecOf
) -> None:
    with pytest.raises(UnknownRun, match="There is no run 'nothing'"):
        lab.start(tiny("full", starts_from="nothing"))
    start = lab.start(tiny("heads-only")).id
    wait_for(lab, start)
    before = lab.store.runs()
    spec = tiny("full", starts_from=start)
    with pytest.raises(InvalidRun, match="cannot have a random encoder too"):
        lab.start(spec.model_copy(update={"random_backbone": True}))
    with pytest.raises(InvalidRun, match="this one trains 'minilm-l6'"):
        lab.start(spec.model_copy(update={"checkpoint": "minilm-l6"}))
    (lab.settings.run_folder(start) / "learned.safetensors").unlink()
    with pytest.raises(InvalidRun, match="is no longer at"):
        lab.start(spec)
    assert lab.store.runs() == before
