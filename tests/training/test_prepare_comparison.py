"""The runs that a comparison is made of."""

import json

import pytest

from mtl_core.errors import InvalidRun, UnknownScenario
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.store.record import comparison_name
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.comparison import ComparisonSpec, train_size
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
    entry = resolve_checkpoint("minilm-l6", ANY_FILE).entry
    assert entry is not None
    return ModelDescription(read_description(shipped_description(entry)), DEFAULT_TASKS)


def changed(**what: object) -> ComparisonSpec:
    return ComparisonSpec.model_validate({**ASKED.model_dump(), **what})


def test_runs_come_seed_by_seed_and_share_all_but_plan_and_seed(model: ModelDescription) -> None:
    runs = prepare_comparison(ASKED, lambda *_: model, threads=2)
    assert [(run.seed, run.scenario) for run in runs] == [
        (3, "heads-only"),
        (3, "gradual"),
        (5, "heads-only"),
        (5, "gradual"),
    ]
    shared = {run.model_dump_json(exclude={"plan", "scenario", "arm", "seed"}) for run in runs}
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
    assert prepare_comparison(again, lambda *_: model) == prepare_comparison(
        ASKED, lambda *_: model
    )


def test_device_and_precision_are_those_of_every_run(model: ModelDescription) -> None:
    usual = prepare_comparison(ASKED, lambda *_: model)
    assert {(run.device, run.precision) for run in usual} == {("cpu", "float32")}
    runs = prepare_comparison(changed(device="cuda", precision="bfloat16"), lambda *_: model)
    assert {(run.device, run.precision) for run in runs} == {("cuda", "bfloat16")}
    apart = {"device": "cpu", "precision": "float32"}
    assert tuple(run.model_copy(update=apart) for run in runs) == usual


def test_a_spec_stored_before_devices_could_be_chosen_is_equal_to_one_of_today() -> None:
    stored = json.loads(ASKED.model_dump_json(exclude={"device", "precision"}))
    assert not {"device", "precision"} & set(stored)
    assert ComparisonSpec.model_validate_json(json.dumps(stored)) == ASKED


def test_rates_that_are_named_replace_the_scenarios_own(model: ModelDescription) -> None:
    runs = prepare_comparison(changed(learning_rate=1e-4), lambda *_: model)
    assert {run.plan.learning_rate for run in runs} == {1e-4}


def test_a_factor_multiplies_every_rate_of_a_plan(model: ModelDescription) -> None:
    (before, *_) = prepare_comparison(changed(scenarios=("lp-ft",)), lambda *_: model)
    after = at_factor(before, 0.5)
    for old, new in zip(before.plan.phases, after.plan.phases, strict=True):
        assert after.plan.rates_in(new) == tuple(r / 2 for r in before.plan.rates_in(old))
    assert after.model_copy(update={"plan": before.plan}) == before


def test_all_problems_are_in_one_message(model: ModelDescription) -> None:
    asked = changed(scenarios=("top-7", "full", "nothing-at-all"), seeds=(1, 1), max_length=8000)
    with pytest.raises(InvalidRun) as problem:
        prepare_comparison(asked, lambda *_: model)
    told = str(problem.value)
    assert "The seed '1' is given twice" in told
    assert told.count("8,000") == 1
    for name in ("top-7", "nothing-at-all"):
        assert name in told


def test_scenarios_that_the_checkpoint_cannot_bear_are_refused(model: ModelDescription) -> None:
    with pytest.raises(UnknownScenario, match=r"top-7.*nothing-at-all"):
        prepare_comparison(changed(scenarios=("top-7", "full", "nothing-at-all")), lambda *_: model)


def test_a_factor_that_lifts_a_rate_out_of_its_range_is_refused(model: ModelDescription) -> None:
    with pytest.raises(InvalidRun, match="Factor 2000: a learning rate of"):
        prepare_comparison(changed(sweep=(1.0, 2000.0)), lambda *_: model)


def test_a_seed_below_zero_is_refused(model: ModelDescription) -> None:
    with pytest.raises(InvalidRun, match="Seed -1"):
        prepare_comparison(changed(seeds=(0, -1)), lambda *_: model)


def test_each_scenario_runs_with_each_number_of_sentences_the_largest_first(
    model: ModelDescription,
) -> None:
    runs = prepare_comparison(changed(examples={}, train_sizes=(100, None, 50)), lambda *_: model)
    assert [(run.seed, train_size(run), run.scenario) for run in runs] == [
        (seed, size, scenario)
        for seed in (3, 5)
        for size in (None, 100, 50)
        for scenario in ("heads-only", "gradual")
    ]
    assert runs[0].examples == {}
    assert runs[2].examples == {"sentiment": 100, "ner": 100}
    whole = prepare_comparison(changed(examples={}), lambda *_: model)
    assert (*runs[:2], *runs[6:8]) == whole


def test_numbers_for_every_task_and_for_one_are_not_mixed(model: ModelDescription) -> None:
    with pytest.raises(InvalidRun, match="numbers both for every task and for one task"):
        prepare_comparison(changed(train_sizes=(50, 100)), lambda *_: model)
    with pytest.raises(InvalidRun, match="The number of examples '50' is given twice"):
        prepare_comparison(changed(examples={}, train_sizes=(50, 50)), lambda *_: model)


def test_a_comparison_written_before_there_were_numbers_reads_as_one_without() -> None:
    before = json.loads(ASKED.model_dump_json())
    del before["train_sizes"]
    assert ComparisonSpec.model_validate(before) == ASKED
    assert comparison_name(ASKED) == "heads only, gradual · minilm-l6 · 2 seeds"
    several = changed(examples={}, train_sizes=(None, 50, 100))
    assert comparison_name(several).endswith(" · 2 seeds · 50 to all sentences")
    assert comparison_name(changed(starts_from="a-run")).endswith(" · 2 seeds · from a-run")
