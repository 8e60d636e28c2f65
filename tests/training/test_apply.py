"""One phase of a plan, applied: gradients and modes."""

import pytest
import torch

from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.apply import apply_phase
from mtl_core.tasks.dataset import load_dataset
from mtl_core.training.evaluation import evaluate
from mtl_core.training.loaded_run import load_run

IDS = torch.tensor([[2, 5, 11, 7, 12, 3]])
MASK = torch.ones_like(IDS)


@pytest.fixture
def model(bench):
    return bench.model()


@pytest.fixture
def obey(bench, model):
    """Apply one phase that trains what is named."""

    def apply(*train, **values):
        (table,) = bench.tables(bench.plan(train, **values))
        apply_phase(table, model)
        return table

    return apply


def answers(model):
    with torch.no_grad():
        return model.backbone(input_ids=IDS, attention_mask=MASK).last_hidden_state


def in_train_mode(model):
    return {name for name, module in model.named_modules() if module.training}


def test_only_what_the_plan_selects_requires_a_gradient(model, obey):
    obey("heads", "layer:1")

    learns = {name for name, each in model.named_parameters() if each.requires_grad}
    assert {name.split(".")[0] for name in learns} == {"bert", "classifier", "ner"}
    assert len(learns) == 4 + 16
    assert all(".layer.1." in name for name in learns if name.startswith("bert."))


def test_an_unreached_tensor_requires_a_gradient_and_a_frozen_one_does_not(model, obey):
    obey("all", freeze=("embeddings",))

    assert model.bert.pooler.dense.weight.requires_grad
    assert not model.bert.embeddings.word_embeddings.weight.requires_grad


def test_everything_below_a_training_layer_runs_in_eval_mode_with_its_dropout(model, obey):
    obey("heads", "top:1")

    training = in_train_mode(model)
    assert {"", "dropout", "classifier", "ner"} <= training
    assert "bert.encoder.layer.1.attention.self.dropout" in training
    assert "bert.encoder.layer.1.output.dropout" in training
    still = ("bert.embeddings", "bert.encoder.layer.0", "bert.pooler")
    assert not [name for name in training if name.startswith(still)]


def test_a_module_with_one_learning_bias_is_in_train_mode_and_its_frozen_sibling_is_not(
    model, obey
):
    obey("heads", "bert.encoder.layer.0.output.dense.bias")

    training = in_train_mode(model)
    assert "bert.encoder.layer.0.output.dropout" in training
    assert "bert.encoder.layer.0.attention.output.dropout" not in training
    assert "bert.encoder.layer.1" not in training


def test_with_everything_frozen_no_module_is_in_train_mode(model, bench):
    model.train()
    (table,) = bench.tables(bench.scenario("frozen"))

    apply_phase(table, model)

    assert in_train_mode(model) == set()
    assert not any(each.requires_grad for each in model.parameters())


def test_a_frozen_backbone_answers_the_same_twice_while_the_heads_train(model, obey):
    obey("heads")

    assert model.training
    assert torch.equal(answers(model), answers(model))


@pytest.mark.usefixtures("global_random_state")
def test_a_frozen_backbone_left_in_train_mode_would_answer_differently(model, obey):
    obey("heads")
    model.train()

    assert not any(each.requires_grad for each in model.backbone.parameters())
    assert not torch.equal(answers(model), answers(model))


@pytest.mark.usefixtures("global_random_state")
def test_a_layer_that_thaws_in_the_next_phase_gets_its_dropout_back(model, obey):
    obey("heads")
    obey("heads", "top:1")

    assert not torch.equal(answers(model), answers(model))


def test_a_gradient_left_from_an_earlier_phase_is_dropped_with_the_freezing(model, obey):
    obey("all")
    sum(logits.sum() for logits in model(IDS, MASK).values()).backward()
    assert model.bert.encoder.layer[0].output.dense.weight.grad is not None

    obey("heads")

    left = {name for name, each in model.named_parameters() if each.grad is not None}
    assert left == {"classifier.weight", "classifier.bias", "ner.weight", "ner.bias"}


def test_an_evaluation_leaves_every_module_in_the_mode_it_had(bench, obey, model):
    loaded = load_run(bench.spec("full"))
    obey("heads", "top:1")
    before = in_train_mode(model)

    evaluate(
        model,
        load_dataset(str(bench.data), ANY_FILE).validation,
        loaded.validation.examples,
        bench.description.tasks,
        loaded.pad_id,
    )

    assert in_train_mode(model) == before
    assert len(before) > 10
