"""The estimated memory for outputs of frozen layers."""

from math import ceil

import pytest

from mtl_core.engine.held_outputs import held_output_bytes
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.description import ModelDescription
from mtl_core.settings import HEAD_ROWS_BYTES, Settings
from mtl_core.tasks.data_sources import owner_dataset
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.spec import RunSpec

MODEL = ModelDescription(read_description(shipped_description("minilm-l6")), DEFAULT_TASKS)
GRADUAL = scenario_plan("gradual", MODEL)
BOTTOM_THEN_HEADS = Plan(
    name="bottom, then heads",
    phases=(Phase(name="bottom", train=("layer:0",)), Phase(name="heads", train=("heads",))),
)


def held(settings: Settings, plan: Plan, grouped: bool = False, **values: object) -> int:
    spec = RunSpec(checkpoint="minilm-l6", plan=plan, tasks=DEFAULT_TASKS, epochs=8.0)
    spec = spec.model_copy(update=values)
    return held_output_bytes(spec, MODEL, settings, owner_dataset, grouped)


def bytes_of(data: str) -> int:
    """The outputs of all sentences at one depth, with 1.5 sub-words a word and 2 special ones."""
    found = load_dataset(data, ANY_FILE)
    words = [
        len(each.words or (each.text or "").split())
        for each in (*found.train, *found.validation, *found.test)
    ]
    return sum(min(128, 2 + ceil(1.5 * count)) for count in words) * 384 * 4


def test_outputs_in_the_cache_need_no_memory(settings: Settings) -> None:
    assert held(settings, GRADUAL) == HEAD_ROWS_BYTES


def test_without_a_cache_a_gradual_run_holds_the_outputs_of_each_depth(settings: Settings) -> None:
    without = settings.model_copy(update={"cache_bytes": 0})
    depths = len(GRADUAL.phases)
    assert held(without, GRADUAL) == HEAD_ROWS_BYTES + depths * bytes_of("sample")
    assert held(without, GRADUAL, prefix_reuse=False) == HEAD_ROWS_BYTES
    little = without.model_copy(update={"prefix_memory_bytes": 1_000_000})
    assert held(little, GRADUAL) == HEAD_ROWS_BYTES + 1_000_000


def test_outputs_of_layers_that_the_run_has_trained_are_held(settings: Settings) -> None:
    assert held(settings, BOTTOM_THEN_HEADS) == HEAD_ROWS_BYTES + bytes_of("sample")


@pytest.mark.parametrize("others", [(), ("sample-posts",)])
def test_a_group_holds_the_rows_of_all_its_data(
    settings: Settings, others: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtl_core.engine.held_outputs.HEAD_ROWS_BYTES", 0)
    heads = scenario_plan("heads-only", MODEL)
    rows = sum(map(bytes_of, ("sample", *others)))
    assert held(settings, heads, grouped=True, also_evaluate=others) == rows
    assert held(settings, heads, also_evaluate=others) == 0


def test_data_that_cannot_be_read_are_left_to_the_run(settings: Settings) -> None:
    assert held(settings, GRADUAL, data="nowhere") == HEAD_ROWS_BYTES
