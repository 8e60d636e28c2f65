"""Names in weight files: which are the encoder's, and which are left over."""

import pytest

from mtl_core.models.stored_tensors import (
    LeftOver,
    left_over,
    names_in_table,
    parts_in_words,
    refusal,
)

LAYERS = [f"bert.encoder.layer.{n}.dense.weight" for n in range(2)]
NAMES = ["bert.embeddings.LayerNorm.weight", "bert.embeddings.LayerNorm.bias", *LAYERS]


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("bert.encoder.layer.0.dense.weight", "bert.encoder.layer.0.dense.weight"),
        ("encoder.layer.0.dense.weight", "bert.encoder.layer.0.dense.weight"),
        ("bert.embeddings.LayerNorm.gamma", "bert.embeddings.LayerNorm.weight"),
        ("embeddings.LayerNorm.beta", "bert.embeddings.LayerNorm.bias"),
    ],
)
def test_a_stored_name_may_lack_the_prefix_or_be_that_of_tensorflow(stored, name):
    assert names_in_table([stored, "cls.bias", "encoder.layer.0"], NAMES, "bert") == {stored: name}


def test_a_name_of_the_table_is_not_mistaken_for_another_one_without_its_prefix():
    names = ["albert.pooler.weight", "pooler.weight"]
    assert names_in_table(names, names, "albert") == dict(zip(names, names, strict=True))


@pytest.mark.parametrize(
    ("stored", "kind", "is_encoders"),
    [
        ("bert.encoder.layer.2.dense.weight", "F32", True),
        ("bert.encoder.layer.0.attention.distance_embedding.weight", "BF16", True),
        ("bert.anything", "F16", True),
        ("bert.pooler.other.weight", "F32", False),
        ("encoder.weight", "F32", False),  # a head, since the encoder's names have the prefix
        ("cls.predictions.bias", "F32", False),
    ],
)
def test_with_a_prefix_in_the_file_only_names_with_it_are_the_encoders(stored, kind, is_encoders):
    found = left_over([stored], {stored: kind, LAYERS[0]: "F32"}, NAMES, "bert")
    assert found == (LeftOver(encoder=(stored,)) if is_encoders else LeftOver(others=(stored,)))


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        ("bert.embeddings.position_ids", "I64"),
        ("bert.embeddings.mask", "BOOL"),
        ("bert.rotary.inv_freq", "F32"),
    ],
)
def test_computed_buffers_in_the_file_are_not_worth_a_note(stored, kind):
    assert left_over([stored], {stored: kind, LAYERS[0]: "F32"}, NAMES, "bert") == LeftOver()


def test_without_a_prefix_those_that_begin_like_the_encoders_are():
    stored = ["encoder.layer.2.dense.weight", "qa_outputs.bias", "pooler.dense.bias"]
    found = left_over(stored, dict.fromkeys(stored, "F32"), NAMES, "bert")
    assert found == LeftOver(
        encoder=("encoder.layer.2.dense.weight",),
        others=("pooler.dense.bias", "qa_outputs.bias"),
    )


def test_one_surplus_layer_is_counted():
    text = refusal(["encoder.layer.1.dense.weight"], NAMES[:3], "bert")
    assert text == (
        "1 tensor inside the encoder that config.json does not define: "
        "encoder.layer.1.dense.weight. Without them it would compute another function. config.json "
        "defines 1 layer (encoder.layer), the weights have 2. Correct the number of layers in "
        "config.json; for an encoder of 1 layer, load it in transformers and save it with "
        "save_pretrained()."
    )


def test_parts_are_counted_by_module():
    keys = ["cls.bias", "cls.predictions.bias", "bert.embeddings.position_ids", "lm_head.bias"]
    assert parts_in_words(keys, "bert") == (
        "cls (2 tensors), embeddings.position_ids, lm_head.bias"
    )
