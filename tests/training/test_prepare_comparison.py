"""The runs that a comparison is made of."""

import json

import pytest

from mtl_core.errors import InvalidRun, UnknownScenario
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.prepare_comparison import at_factor, prepare_comparison

ASKED = ComparisonSpec(
    checkpoint="minilm-l6",
    scenarios=("heads-only", "gradual"),
    seeds=(3, 5),
    epochs=2.0,
    examples={"ner": 50},
    label_noise={"sentiment": 0.2},
    also_evaluate=("sample-posts",),
)


@pytest.fixture
def model() -> ModelDescription:
    entry = resolve_checkpoint("minilm-l6").entry
    assert entry is not None
    return ModelDescription(read_description(shipped_description(entry)), DEFAULT_TASKS)


def changed(**what: object) -> ComparisonSpec:
    return ComparisonSpec.model_validate({**ASKED.model_dump(), **what})


def test_runs_come_seed_by_seed_and_share_all_but_plan_and_seed(model: ModelDescription) -> None:
    runs = prepare_comparison(ASKED, model, threads=2)
    assert [(run.seed, run.scenario) for run in runs] == [
        (3, "heads-only"),
        (3, "gradual"),
        (5, "heads-only"),
        (5, "gradual"),
    ]
    shared = {run.model_dump_json(exclude={"plan", "scenario", "seed"}) for run in runs}
    assert len(shared) == 1
    first = runs[0]
    assert (first.epochs, first.examples, first.threads) == (2.0, {"ner": 50}, 2)
    assert (first.label_noise, first.also_evaluate) == ({"sentiment": 0.2}, ("sample-posts",))
    assert [run.plan for run in runs[:2]] == [
        scenario_plan("heads-only", model),
        scenario_plan("gradual", model),
    ]


def test_equal_comparisons_give_equal_runs(model: ModelDescription) -> None:
    again = ComparisonSpec.model_validate_json(ASKED.model_dump_json())
    assert prepare_comparison(again, model) == prepare_comparison(ASKED, model)


def test_device_and_precision_are_those_of_every_run(model: ModelDescription) -> None:
    usual = prepare_comparison(ASKED, model)
    assert {(run.device, run.precision) for run in usual} == {("cpu", "float32")}
    runs = prepare_comparison(changed(device="cuda", precision="bfloat16"), model)
    assert {(run.device, run.precision) for run in runs} == {("cuda", "bfloat16")}
    apart = {"device": "cpu", "precision": "float32"}
    assert tuple(run.model_copy(update=apart) for run in runs) == usual


def test_a_spec_stored_before_devices_could_be_chosen_is_equal_to_one_of_today() -> None:
    stored = json.loads(ASKED.model_dump_json(exclude={"device", "precision"}))
    assert not {"device", "precision"} & set(stored)
    assert ComparisonSpec.model_validate_json(json.dumps(stored)) == ASKED


def test_rates_that_are_named_replace_the_scenarios_own(model: ModelDescription) -> None:
    runs = prepare_comparison(changed(learning_rate=1e-4), model)
    assert {run.plan.learning_rate for run in runs} == {1e-4}


def test_a_factor_multiplies_every_rate_of_a_plan(model: ModelDescription) -> None:
    (before, *_) = prepare_comparison(changed(scenarios=("lp-ft",)), model)
    after = at_factor(before, 0.5)
    for old, new in zip(before.plan.phases, after.plan.phases, strict=True):
        assert after.plan.rates_in(new) == tuple(r / 2 for r in before.plan.rates_in(old))
    assert after.model_copy(update={"plan": before.plan}) == before


def test_all_problems_are_told_at_once(model: ModelDescription) -> None:
    asked = changed(scenarios=("top-7", "full", "nothing-at-all"), seeds=(1, 1), max_length=8000)
    with pytest.raises(InvalidRun) as problem:
        prepare_comparison(asked, model)
    told = str(problem.value)
    assert "The seed '1' is named twice" in told
    assert told.count("8,000") == 1
    for name in ("top-7", "nothing-at-all"):
        assert name in told


def test_scenarios_that_the_checkpoint_cannot_bear_are_refused(model: ModelDescription) -> None:
    with pytest.raises(UnknownScenario, match=r"top-7.*nothing-at-all"):
        prepare_comparison(changed(scenarios=("top-7", "full", "nothing-at-all")), model)


def test_a_factor_that_lifts_a_rate_out_of_its_range_is_refused(model: ModelDescription) -> None:
    with pytest.raises(InvalidRun, match="Factor 2000: a learning rate of"):
        prepare_comparison(changed(sweep=(1.0, 2000.0)), model)


def test_a_seed_below_zero_is_refused(model: ModelDescription) -> None:
    with pytest.raises(InvalidRun, match="Seed -1"):
        prepare_comparison(changed(seeds=(0, -1)), model)
