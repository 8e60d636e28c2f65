import pytest

from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.costs import (
    embedding_parameters,
    multiplications_per_token,
    training_bytes,
)


def described(name):
    return read_description(shipped_description(name))


def test_training_keeps_sixteen_bytes_a_parameter():
    assert training_bytes(109_482_240) == 16 * 109_482_240


@pytest.mark.parametrize(
    ("name", "layers", "width", "inner"),
    [("minilm-l6", 6, 384, 1536), ("bert-base-uncased", 12, 768, 3072)],
)
def test_a_token_is_multiplied_with_four_square_and_two_inner_matrices_a_layer(
    name, layers, width, inner
):
    expected = layers * (4 * width * width + 2 * width * inner)
    assert multiplications_per_token(described(name)) == expected


def test_a_shared_layer_counts_as_often_as_it_is_passed():
    shared, own = described("albert-base-v2"), described("bert-base-uncased")
    assert multiplications_per_token(shared) == multiplications_per_token(own)


def test_embeddings_are_counted_once_and_not_multiplied():
    assert embedding_parameters(described("xlm-roberta-base")) == 192_398_592
