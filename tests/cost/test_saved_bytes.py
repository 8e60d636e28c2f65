"""What a profile says is kept for the backward pass, against a real step on the CPU."""

from dataclasses import replace

import pytest

from mtl_core.cost.estimate import step_cost
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.resolve import parameter_table, parameter_tables
from mtl_core.freezing.scenarios import scenario_plan, scenarios
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.tasks.task import DEFAULT_TASKS

SENTENCES, TOKENS = 5, 24


@pytest.mark.parametrize(
    "scenario",
    [
        *("frozen", "heads-only", "top-1", "bottom-1", "bitfit", "layernorm", "full"),
        *("embeddings-frozen", "freeze-head:ner", "chain-thaw"),
    ],
)
def test_saved_bytes_equal_those_of_a_real_step(bert, kept_bytes, scenario):
    plan = scenario_plan(scenario, bert.description)
    for table in parameter_tables(plan, bert.description):
        cost = step_cost(bert.profile, bert.description, table, SENTENCES, TOKENS)
        assert cost.saved_activation_bytes == kept_bytes(bert, table, SENTENCES, TOKENS)


@pytest.mark.parametrize("scenario", ["frozen", "heads-only", "bottom-1", "bitfit", "chain-thaw"])
def test_saved_bytes_with_dropout_in_frozen_layers_equal_those_of_a_real_step(
    bert, kept_bytes, scenario
):
    plan = scenario_plan(scenario, bert.description)
    for table in parameter_tables(plan, bert.description):
        cost = step_cost(
            bert.profile, bert.description, table, SENTENCES, TOKENS, frozen_dropout=True
        )
        assert cost.saved_activation_bytes == kept_bytes(
            bert, table, SENTENCES, TOKENS, frozen_dropout=True
        )


@pytest.mark.parametrize(("count", "seed"), [(1, 0), (1, 4), (2, 1), (3, 2), (8, 3)])
def test_any_choice_of_tensors_is_counted_right(bert, kept_bytes, some_tensors, count, seed):
    table = parameter_table(some_tensors(bert, count, seed), bert.description)
    cost = step_cost(bert.profile, bert.description, table, SENTENCES, TOKENS)
    assert cost.saved_activation_bytes == kept_bytes(bert, table, SENTENCES, TOKENS)


def test_a_frozen_model_saves_nothing(bert):
    table = parameter_table(scenario_plan("frozen", bert.description), bert.description)
    cost = step_cost(bert.profile, bert.description, table, 16, 32)
    assert cost.saved_activation_bytes == cost.backward_flops == cost.optimizer_bytes == 0


@pytest.mark.parametrize(
    "architecture",
    [
        *("albert", "deberta-v2", "distilbert", "electra", "modernbert"),
        *("mpnet", "roberta", "xlm-roberta"),
    ],
)
def test_estimates_hold_for_other_encoders(built, kept_bytes, architecture):
    traced = built(architecture)
    fitting = {each.name for each in scenarios(traced.description)}
    estimated, measured = {}, {}
    for scenario in fitting & {"heads-only", "bitfit", "layernorm", "full"}:
        plan = scenario_plan(scenario, traced.description)
        table = parameter_table(plan, traced.description)
        cost = step_cost(traced.profile, traced.description, table, SENTENCES, TOKENS)
        estimated[scenario] = cost.saved_activation_bytes
        measured[scenario] = kept_bytes(traced, table, SENTENCES, TOKENS)
    assert len(estimated) >= 3
    # DeBERTa keeps a few scalars, which the measure leaves out
    assert estimated == pytest.approx(measured, rel=1e-3)


def test_biases_alone_save_most_of_the_activations_of_full(bert):
    kept = {}
    for scenario in ("bitfit", "full", "top-1", "heads-only"):
        table = parameter_table(scenario_plan(scenario, bert.description), bert.description)
        cost = step_cost(bert.profile, bert.description, table, 16, 32)
        kept[scenario] = cost.saved_activation_bytes
    assert kept["bitfit"] > 0.6 * kept["full"]
    assert kept["heads-only"] < kept["top-1"] < kept["bitfit"]


@pytest.mark.parametrize("vector", SentenceVector)
@pytest.mark.parametrize("train", [("heads",), ("heads", "pooler"), ("heads", "top:1"), ("all",)])
def test_saved_bytes_of_every_sentence_vector_are_those_of_a_real_step(
    bert, kept_bytes, vector, train
):
    model = MultiTaskModel(bert.model.backbone, DEFAULT_TASKS, seed=0, sentence_vector=vector)
    traced = replace(bert, description=bert.description.reading(vector), model=model)
    plan = Plan(name="own", phases=(Phase(name="all", train=train),))
    table = parameter_table(plan, traced.description)
    cost = step_cost(traced.profile, traced.description, table, SENTENCES, TOKENS)
    # the mean also saves a flag for each token
    flags = SENTENCES * TOKENS if vector is SentenceVector.MEAN and train[-1] != "heads" else 0
    measured = kept_bytes(traced, table, SENTENCES, TOKENS)
    assert cost.saved_activation_bytes == pytest.approx(measured, abs=flags)
