import pytest
import torch
from torch import nn

from mtl_core.models.architecture import build_backbone
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.catalogue import catalogue
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.describe import describe, named_with_owner, reach
from mtl_core.models.description import ModelDescription, Role
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.task import DEFAULT_TASKS, TaskKind

BOTH = (TaskKind.SENTENCE, TaskKind.TOKEN)


def _roles(description):
    counts = dict.fromkeys(Role, 0)
    for tensor in description.tensors:
        counts[tensor.role] += 1
    return {role.value: count for role, count in counts.items() if count}


SHORT = ("minilm-l6", "distilbert-base-uncased", "electra-small")
"""Their models are built in about a second; `make prove` builds the others too."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(known.name, marks=[pytest.mark.long] * (known.name not in SHORT))
        for known in catalogue()
    ],
)
def test_a_shipped_description_equals_one_made_afresh(name):
    known = next(known for known in catalogue() if known.name == name)
    checkpoint = Checkpoint(reference=name, name=name, config_file=known.config_file, entry=name)
    assert read_description(shipped_description(name)) == describe(checkpoint)


def test_a_description_names_the_models_parameters_in_their_order(
    tiny_config, tiny_backbone, architecture
):
    description = ModelDescription(
        backbone=describe(tiny_config(architecture)), tasks=DEFAULT_TASKS
    )
    model = MultiTaskModel(tiny_backbone(architecture), DEFAULT_TASKS, seed=0)
    described = {
        tensor.name: tensor.shape for tensor in description.tensors if tensor.tied_to is None
    }
    built = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    assert list(described) == list(built)
    assert described == built
    assert description.total == sum(parameter.numel() for parameter in model.parameters())


def test_reach_is_what_a_real_batch_gives(tiny_config, tiny_backbone, architecture):
    description = ModelDescription(
        backbone=describe(tiny_config(architecture)), tasks=DEFAULT_TASKS
    )
    model = MultiTaskModel(tiny_backbone(architecture), DEFAULT_TASKS, seed=0)
    ids = torch.randint(5, 60, (2, 12), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    ids[1, 8:], mask[1, 8:] = 0, 0
    for task in DEFAULT_TASKS:
        model.zero_grad()
        model(ids, mask)[task.name].sum().backward()
        by_backward = {n for n, parameter in model.named_parameters() if parameter.grad is not None}
        assert by_backward == {t.name for t in description.tensors if task.name in t.reached_by}


def test_berts_pooler_is_reached_by_neither_head(tiny_config):
    description = describe(tiny_config("bert"))
    unreached = [tensor.name for tensor in description.tensors if not tensor.reached_by]
    assert unreached == ["bert.pooler.dense.weight", "bert.pooler.dense.bias"]
    assert all(tensor.reached_by in ((), BOTH) for tensor in description.tensors)


def test_longformers_global_projections_are_unreached(tiny_config):
    description = describe(tiny_config("longformer"))
    unreached = {tensor.name for tensor in description.tensors if not tensor.reached_by}
    assert len(unreached) == 2 * 6 + 2
    assert "longformer.encoder.layer.1.attention.self.query_global.weight" in unreached


def test_finding_reach_leaves_no_gradient_behind(tiny_backbone):
    model = tiny_backbone("bert")
    reach(model)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_albert_is_one_shared_layer_counted_once(tiny_config):
    description = describe(tiny_config("albert", num_hidden_layers=12))
    assert (description.depth, description.layers, description.shares_layers) == (12, 1, True)
    assert {tensor.layer for tensor in description.tensors} == {0, None}
    assert _roles(description) == {"embeddings": 5, "layer": 16, "pooler": 2, "beside": 2}
    built = build_backbone(tiny_config("albert", num_hidden_layers=12), "meta")
    total = ModelDescription(backbone=description, tasks=()).total
    assert total == sum(parameter.numel() for parameter in built.parameters())


def test_a_tied_name_points_to_its_first_name():
    module = nn.ModuleDict({"first": nn.Linear(2, 2), "second": nn.Linear(2, 2, bias=False)})
    module["second"].weight = module["first"].weight
    assert [(name, owner) for name, _, owner in named_with_owner(module)] == [
        ("first.weight", "first.weight"),
        ("first.bias", "first.bias"),
        ("second.weight", "first.weight"),
    ]


def test_a_tied_tensor_is_described_under_both_names_and_counted_once(tiny_backbone, tiny_config):
    from mtl_core.models.describe import _describe

    model = tiny_backbone("bert")
    model.pooler.dense.weight = model.encoder.layer[0].attention.output.dense.weight
    backbone = _describe(model, torch.tensor([[5, 6, 7]]))
    tied = {tensor.name: tensor for tensor in backbone.tensors if tensor.tied_to}
    assert list(tied) == ["bert.pooler.dense.weight"]
    shared = tied["bert.pooler.dense.weight"]
    assert shared.tied_to == "bert.encoder.layer.0.attention.output.dense.weight"
    assert shared.reached_by == BOTH
    untied = ModelDescription(backbone=describe(tiny_config("bert")), tasks=()).total
    assert ModelDescription(backbone=backbone, tasks=()).total == untied - 32 * 32


@pytest.mark.parametrize(
    ("architecture", "roles"),
    [
        ("bert", {"embeddings": 5, "layer": 32, "pooler": 2}),
        ("electra", {"embeddings": 5, "layer": 32, "beside": 2}),
        ("distilbert", {"embeddings": 4, "layer": 32}),
        ("mpnet", {"embeddings": 4, "layer": 32, "pooler": 2, "beside": 1}),
    ],
)
def test_each_tensor_has_its_role(tiny_config, architecture, roles):
    assert _roles(describe(tiny_config(architecture))) == roles


@pytest.mark.parametrize(
    ("architecture", "values", "tensor", "layer"),
    [
        ("modernbert", {}, "final_norm.weight", 2),
        ("esm", {}, "encoder.emb_layer_norm_after.bias", 2),
        ("roberta-prelayernorm", {}, "LayerNorm.weight", 2),
        ("megatron-bert", {}, "encoder.ln.weight", 2),
        ("xlm-roberta-xl", {}, "encoder.LayerNorm.weight", 2),
        ("deberta-v2", {"conv_kernel_size": 3, "conv_act": "gelu"}, "encoder.conv.conv.weight", 0),
        ("deberta-v2", {}, "encoder.rel_embeddings.weight", None),
        ("mpnet", {}, "encoder.relative_attention_bias.weight", None),
        ("electra", {}, "embeddings_project.weight", None),
        ("bert", {}, "pooler.dense.weight", None),
    ],
)
def test_a_tensor_outside_the_stack_belongs_to_the_layer_that_it_follows(
    tiny_config, architecture, values, tensor, layer
):
    description = describe(tiny_config(architecture, num_hidden_layers=3, **values))
    found = {each.name: each for each in description.tensors}[f"{description.prefix}.{tensor}"]
    assert found.layer == layer
    assert (found.role is Role.LAYER) == (layer is not None)


def test_biases_and_layernorms_are_flagged(tiny_config):
    tensors = {tensor.name: tensor for tensor in describe(tiny_config("bert")).tensors}
    query = tensors["bert.encoder.layer.0.attention.self.query.bias"]
    norm = tensors["bert.encoder.layer.0.output.LayerNorm.bias"]
    embedding = tensors["bert.embeddings.word_embeddings.weight"]
    assert (query.bias, query.layernorm, query.layer) == (True, False, 0)
    assert (norm.bias, norm.layernorm, norm.layer) == (True, True, 0)
    assert (embedding.bias, embedding.layernorm, embedding.layer) == (False, False, None)


def test_a_bias_kept_outside_a_linear_is_a_bias_too(tiny_config):
    tensors = {tensor.name: tensor for tensor in describe(tiny_config("deberta")).tensors}
    assert tensors["deberta.encoder.layer.0.attention.self.q_bias"].bias
    assert not tensors["deberta.encoder.rel_embeddings.weight"].bias


def test_a_description_says_the_sizes(tiny_config):
    description = describe(tiny_config("distilbert"))
    assert (description.architecture, description.prefix) == ("distilbert", "distilbert")
    assert (description.hidden_size, description.intermediate_size) == (32, 48)
    assert (description.depth, description.heads_per_layer) == (2, 2)
    assert (description.vocabulary_size, description.max_positions) == (64, 40)


def test_a_half_precision_configuration_is_described_in_float32(tiny_config):
    description = describe(tiny_config("bert", dtype="float16"))
    assert {tensor.dtype for tensor in description.tensors} == {"float32"}
