"""A seeded sample of the variants of config.json; `benchmarks/config_variants.py` has them all."""

import random

import pytest

from benchmarks.config_variants import TYPES, outcomes, table, true_parameters, variants

SAMPLE = 16


def test_the_truth_is_the_number_of_parameters_that_transformers_builds() -> None:
    vocabulary, positions, width, inner = 61, 40, 32, 48
    embeddings = (vocabulary + positions + 2) * width + 2 * width
    layer = 4 * (width * width + width) + 2 * width * inner + inner + width + 4 * width
    pooler = width * width + width
    expected = embeddings + 2 * layer + pooler
    assert true_parameters({"model_type": "bert", **TYPES["bert"]}) == expected


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_no_variant_of_a_sample_is_misread_in_silence(kind: str) -> None:
    found = random.Random(kind).sample(list(variants(kind)), SAMPLE)
    told = {variant.id: outcome for variant, outcome in outcomes(iter(found))}
    assert [each for each in told.items() if each[1].startswith("wrong")] == []
    assert {outcome.partition(":")[0] for outcome in told.values()} == {"right", "refused"}


def test_known_outcomes_are_not_made_again_and_are_counted() -> None:
    first = next(variants("bert"))
    known = {first.id: "wrong: a former result"}
    assert [outcome for _, outcome in outcomes(iter([first]), known)] == ["wrong: a former result"]
    assert table({("bert", "right"): 1_200, ("bert", "wrong"): 1}).endswith(
        "| all | 1,201 | 1,200 | 0 | 1 |"
    )
