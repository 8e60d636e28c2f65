import numpy as np
import pytest

from mtl_core.analysis.marks import Marks
from mtl_core.analysis.paired.scores import pseudo_values, seed_score
from tests.analysis.paired.seed_scores import accuracy


def test_a_sentences_pseudo_value_is_right_or_wrong_for_an_accuracy() -> None:
    score = accuracy(1, 0, 1, 1)
    assert score.value == 0.75
    assert score.by_sentence is not None
    assert score.by_sentence.tolist() == pytest.approx([1, 0, 1, 1])


def test_pseudo_values_of_an_f1_have_it_as_their_mean_and_its_spread() -> None:
    draw = np.random.default_rng(3)
    true = draw.integers(0, 4, 200)
    found = draw.binomial(true, 0.5)
    predicted = found + draw.integers(0, 2, 200)
    counts = np.stack([found, predicted, true], axis=1)
    score = seed_score(Marks(tuple(range(200)), counts))
    assert score.by_sentence is not None
    assert score.value == pytest.approx(2 * found.sum() / (predicted.sum() + true.sum()))
    assert score.by_sentence.mean() == pytest.approx(score.value)
    again = [counts[draw.integers(0, 200, 200)].sum(axis=0) for _ in range(2000)]
    resampled = np.std([2 * right / (claimed + there) for right, claimed, there in again])
    assert score.by_sentence.std(ddof=1) / np.sqrt(200) == pytest.approx(resampled, rel=0.07)


def test_pseudo_values_of_many_runs_are_those_of_each_run() -> None:
    counts = np.random.default_rng(4).integers(0, 3, (2, 5, 30, 3))
    together = pseudo_values(counts)
    assert together.shape == (2, 5, 30)
    assert together[1, 4].tolist() == pytest.approx(pseudo_values(counts[1, 4]).tolist())


def test_without_any_entity_every_pseudo_value_is_zero() -> None:
    assert pseudo_values(np.zeros((3, 3), dtype=np.int64)).tolist() == [0, 0, 0]
