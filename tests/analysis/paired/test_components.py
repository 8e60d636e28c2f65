import numpy as np
import pytest

from mtl_core.analysis.paired.components import decompose, decompose_between_data
from mtl_core.analysis.paired.scores import SeedScore
from tests.analysis.paired.seed_scores import accuracy, bare


def test_the_difference_is_split_into_seeds_sentences_and_a_rest() -> None:
    one = {0: accuracy(1, 0), 1: accuracy(0, 0)}
    other = {0: accuracy(0, 0), 1: accuracy(0, 0)}
    parts = decompose(one, other)
    assert parts is not None
    assert (parts.effect, parts.seeds, parts.sentences) == (0.25, 2, 2)
    assert parts.between_seeds == pytest.approx(0.125)  # 0.5 and 0
    assert parts.rest == pytest.approx(0.125)  # residuals of 0.25 each: a mean square of 0.25
    assert parts.of_sentences == 0.0  # 0.125 less half the rest's mean square


def test_sentences_that_one_plan_always_gets_right_are_the_part_of_the_sentences() -> None:
    one = {seed: accuracy(1, 1, 0, 0) for seed in range(3)}
    other = {seed: accuracy(0, 0, 0, 0) for seed in range(3)}
    parts = decompose(one, other)
    assert parts is not None
    assert (parts.between_seeds, parts.rest) == (0.0, 0.0)
    assert parts.of_sentences == pytest.approx(1 / 12)


def test_differences_that_are_equal_up_to_rounding_have_no_variance() -> None:
    parts = decompose(bare(0.91, 0.92, 0.93), bare(0.71, 0.72, 0.73))
    assert parts is not None
    assert parts.between_seeds == 0.0


def test_only_seeds_that_both_have_are_compared() -> None:
    found = decompose(bare(0.5, 0.6), {1: SeedScore(0.4), 2: SeedScore(0.9)})
    assert found is not None
    assert (found.effect, found.seeds) == (pytest.approx(0.2), 1)
    assert decompose({0: SeedScore(0.5)}, {1: SeedScore(0.5)}) is None


def test_answers_to_other_sentences_are_not_paired() -> None:
    elsewhere = SeedScore(0.5, np.array([0.0, 1.0]), (3, 4))
    found = decompose({0: accuracy(1, 0), 1: accuracy(1, 1)}, {0: elsewhere, 1: elsewhere})
    assert found is not None
    assert found.sentences == 0


def test_the_variances_of_two_sets_of_sentences_are_added() -> None:
    one = {0: accuracy(1, 1, 0, 0), 1: accuracy(1, 1, 1, 0)}
    other = {0: accuracy(1, 0), 1: accuracy(0, 0)}
    parts = decompose_between_data(one, other)
    assert parts is not None
    assert (parts.effect, parts.seeds, parts.sentences) == (pytest.approx(0.375), 2, 2)
    assert parts.between_seeds == pytest.approx(0.28125)  # 0 and 0.75
    zeros = [{0: accuracy(*[0] * n), 1: accuracy(*[0] * n)} for n in (4, 2)]
    own = [decompose(each, zero) for each, zero in zip((one, other), zeros, strict=True)]
    assert parts.rest == pytest.approx(sum(each.rest for each in own if each))
    assert parts.of_sentences == pytest.approx(sum(each.of_sentences for each in own if each))
    assert parts.of_sentences > 0


def test_one_seed_on_two_sets_has_the_variances_of_both() -> None:
    parts = decompose_between_data({0: accuracy(1, 1, 0, 0)}, {0: accuracy(1, 0)})
    assert parts is not None
    assert (parts.between_seeds, parts.sentences) == (None, 2)
    assert parts.of_sentences == pytest.approx((1 / 3) / 4 + 0.5 / 2)


def test_without_predictions_on_one_set_only_seeds_vary() -> None:
    parts = decompose_between_data({0: accuracy(1, 0), 1: accuracy(1, 1)}, bare(0.4, 0.5))
    assert parts is not None
    assert parts.sentences == 0
