"""Each catalogue checkpoint's parameters, counted a second time from its paper's dimensions.

Nothing of the product counts here: only the widths, depths and vocabularies as published, put
into the shapes of each architecture by hand.
"""

import pytest

from mtl_core.errors import UnknownScenario
from mtl_core.freezing.resolve import parameter_table
from mtl_core.freezing.scenarios import scenario_plan, scenarios
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.catalogue import catalogue
from mtl_core.models.description import ModelDescription, Role
from mtl_core.tasks.task import DEFAULT_TASKS

TWO_HEADS = 2 + 4  # outputs of sentiment and of ner


def linear(width_in, width_out):
    return width_in * width_out + width_out


def norm(width):
    return 2 * width


def bert_layer(width, inner):
    attention = 4 * linear(width, width)
    return attention + linear(width, inner) + linear(inner, width) + 2 * norm(width)


def table(pieces, positions, segments, width):
    """Word, position and segment embeddings, and the norm over their sum."""
    return (pieces + positions + segments) * width + norm(width)


def bert(depth, width, pieces, positions=512, segments=2):
    return {
        "embeddings": table(pieces, positions, segments, width),
        "layer": bert_layer(width, 4 * width),
        "layers": depth,
        "beside": 0,
        "pooler": linear(width, width),
    }


def modernbert_layer(width, inner):
    attention = width * 3 * width + width * width
    gated = width * 2 * inner + inner * width
    return attention + gated + 2 * width  # norms without biases


PARTS = {
    "minilm-l6": bert(6, 384, 30_522),
    "bert-base-uncased": bert(12, 768, 30_522),
    "roberta-base": bert(12, 768, 50_265, positions=514, segments=1),
    "distilbert-base-uncased": bert(6, 768, 30_522, segments=0) | {"pooler": 0},
    "biobert": bert(12, 768, 28_996),
    "legal-bert": bert(12, 768, 30_522),
    "minilm-l12": bert(12, 384, 30_522),
    "bert-large-uncased": bert(24, 1024, 30_522),
    "electra-small": {
        "embeddings": table(30_522, 512, 2, 128),
        "layer": bert_layer(256, 1024),
        "layers": 12,
        "beside": linear(128, 256),  # from the narrow embeddings to the layers
        "pooler": 0,
    },
    "deberta-v3-small": {
        "embeddings": table(128_100, 0, 0, 768),
        "layer": bert_layer(768, 3072),
        "layers": 6,
        "beside": 2 * 256 * 768 + norm(768),  # 256 distances each way, and their norm
        "pooler": 0,
    },
    "albert-base-v2": {
        "embeddings": table(30_000, 512, 2, 128),
        "layer": bert_layer(768, 3072),
        "layers": 1,  # one set of weights, used twelve times
        "beside": linear(128, 768),
        "pooler": linear(768, 768),
    },
    "xlm-roberta-base": bert(12, 768, 250_002, positions=514, segments=1),
    "modernbert-base": {
        "embeddings": 50_368 * 768 + 768,  # rotary positions have no weights
        "layer": modernbert_layer(768, 1152),
        "layers": 22,
        "missing": 768,  # layer 0 has no first norm: the embeddings end in one
        "above": 768,  # the norm after the last layer, which belongs to it
        "beside": 0,
        "pooler": 0,
    },
}
"""Parameters of each part, `layer` being one layer of the stack."""


def top(parts):
    return parts["layer"] + parts.get("above", 0)


def stack(parts):
    return (parts["layers"] - 1) * parts["layer"] + top(parts) - parts.get("missing", 0)


def total(parts):
    return parts["embeddings"] + stack(parts) + parts["beside"] + parts["pooler"]


def shipped(name):
    return ModelDescription(read_description(shipped_description(name)), DEFAULT_TASKS)


def totals(scenario, model):
    return parameter_table(scenario_plan(scenario, model), model).totals


def heads(model):
    return TWO_HEADS * model.backbone.hidden_size + TWO_HEADS


def test_every_entry_is_counted_here():
    assert set(PARTS) == {known.name for known in catalogue()}


@pytest.mark.parametrize("name", PARTS)
def test_each_part_counts_what_its_dimensions_say(name):
    model, parts = shipped(name), PARTS[name]
    counted = dict.fromkeys(Role, 0)
    for tensor in model.tensors:
        counted[tensor.role] += tensor.count
    assert counted == {
        Role.EMBEDDINGS: parts["embeddings"],
        Role.LAYER: stack(parts),
        Role.BESIDE: parts["beside"],
        Role.POOLER: parts["pooler"],
        Role.HEAD: heads(model),
    }
    assert model.backbone.total == total(parts)


@pytest.mark.parametrize("name", PARTS)
def test_heads_only_and_full_learn_what_the_dimensions_say(name):
    model, parts = shipped(name), PARTS[name]
    alone, everything = totals("heads-only", model), totals("full", model)
    assert (alone.trainable, alone.frozen) == (heads(model), total(parts))
    assert everything.unreached == parts["pooler"]
    assert everything.trainable == total(parts) - parts["pooler"] + heads(model)


@pytest.mark.parametrize("name", [name for name, parts in PARTS.items() if parts["layers"] > 1])
def test_the_top_layers_learn_and_nothing_beside_the_stack(name):
    model, parts = shipped(name), PARTS[name]
    assert totals("top-1", model).trainable == top(parts) + heads(model)
    assert totals("top-3", model).trainable == 2 * parts["layer"] + top(parts) + heads(model)
    lowest = f"top-{parts['layers']}"
    assert totals(lowest, model).trainable == stack(parts) + heads(model)


@pytest.mark.parametrize("scenario", ["top-1", "top-12", "gradual", "discriminative"])
def test_alberts_one_shared_layer_is_not_taken_apart(scenario):
    model = shipped("albert-base-v2")
    assert scenario not in [each.name for each in scenarios(model)]
    with pytest.raises(UnknownScenario, match=r"its 12 layers share one set of weights"):
        scenario_plan(scenario, model)


@pytest.mark.parametrize(
    ("name", "prefix", "beside"),
    [
        ("modernbert-base", "model", []),
        ("electra-small", "electra", ["embeddings_project.weight", "embeddings_project.bias"]),
        (
            "deberta-v3-small",
            "deberta",
            ["encoder.rel_embeddings.weight", "encoder.LayerNorm.weight", "encoder.LayerNorm.bias"],
        ),
        (
            "albert-base-v2",
            "albert",
            [f"encoder.embedding_hidden_mapping_in.{part}" for part in ("weight", "bias")],
        ),
        ("xlm-roberta-base", "roberta", []),
    ],
)
def test_parameters_outside_the_stack_are_named_and_reached(name, prefix, beside):
    tensors = [tensor for tensor in shipped(name).tensors if tensor.role is Role.BESIDE]
    assert [tensor.name for tensor in tensors] == [f"{prefix}.{each}" for each in beside]
    assert all(tensor.reached_by == ("sentiment", "ner") for tensor in tensors)
