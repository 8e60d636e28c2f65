import numpy as np
import pytest

from mtl_core.analysis.marks import Marks
from mtl_core.analysis.paired import SeedScore, against_best, decompose, seed_score


def accuracy(*right: int) -> SeedScore:
    counts = np.array([(each, 1, 1) for each in right])
    return seed_score(Marks(tuple(range(len(right))), counts))


def bare(*values: float) -> dict[int, SeedScore]:
    return {seed: SeedScore(value) for seed, value in enumerate(values)}


def test_a_sentences_pseudo_value_is_right_or_wrong_for_an_accuracy() -> None:
    score = accuracy(1, 0, 1, 1)
    assert score.value == 0.75
    assert score.by_sentence is not None
    assert score.by_sentence.tolist() == pytest.approx([1, 0, 1, 1])


def test_pseudo_values_of_an_f1_have_it_as_their_mean_and_its_spread() -> None:
    draw = np.random.default_rng(3)
    there = draw.integers(0, 4, 200)
    found = draw.binomial(there, 0.5)
    said = found + draw.integers(0, 2, 200)
    counts = np.stack([found, said, there], axis=1)
    score = seed_score(Marks(tuple(range(200)), counts))
    assert score.by_sentence is not None
    assert score.value == pytest.approx(2 * found.sum() / (said.sum() + there.sum()))
    assert score.by_sentence.mean() == pytest.approx(score.value)
    again = [counts[draw.integers(0, 200, 200)].sum(axis=0) for _ in range(2000)]
    resampled = np.std([2 * right / (said + there) for right, said, there in again])
    assert score.by_sentence.std(ddof=1) / np.sqrt(200) == pytest.approx(resampled, rel=0.07)


def test_the_difference_is_taken_apart_into_seeds_sentences_and_a_rest() -> None:
    one = {0: accuracy(1, 0), 1: accuracy(0, 0)}
    other = {0: accuracy(0, 0), 1: accuracy(0, 0)}
    parts = decompose(one, other)
    assert parts is not None
    assert (parts.effect, parts.seeds, parts.sentences) == (0.25, 2, 2)
    assert parts.between_seeds == pytest.approx(0.125)  # 0.5 and 0
    assert parts.rest == pytest.approx(0.125)  # residuals of 0.25 each: a mean square of 0.25
    assert parts.of_sentences == 0.0  # 0.125 less half the rest's mean square


def test_sentences_that_one_plan_always_gets_are_the_sentences_part() -> None:
    one = {seed: accuracy(1, 1, 0, 0) for seed in range(3)}
    other = {seed: accuracy(0, 0, 0, 0) for seed in range(3)}
    parts = decompose(one, other)
    assert parts is not None
    assert (parts.between_seeds, parts.rest) == (0.0, 0.0)
    assert parts.of_sentences == pytest.approx(1 / 12)


def test_seeds_alone_are_judged_by_students_t() -> None:
    found = against_best({"a": bare(0.6, 0.7, 0.8), "b": bare(0.5, 0.5, 0.5)}, "a")["b"]
    reach = 4.3026527 * 0.1 / np.sqrt(3)  # 97.5 % of t with two degrees of freedom
    assert (found.seeds, found.sentences) == (3, 0)
    assert found.effect == pytest.approx(-0.2)
    assert found.low == pytest.approx(-0.2 - reach)
    assert found.high == pytest.approx(-0.2 + reach)
    assert not found.significant


def test_one_seed_is_judged_by_its_sentences() -> None:
    plans = {"a": {0: accuracy(0, 0, 0, 0)}, "b": {0: accuracy(1, 1, 0, 0)}}
    found = against_best(plans, "a")["b"]
    assert (found.effect, found.seeds, found.sentences) == (0.5, 1, 4)
    assert found.high - found.effect == pytest.approx(3.1824463 * np.sqrt(1 / 12))


def test_with_three_plans_seeds_speak_for_one_another_and_the_chance_is_shared() -> None:
    plans = {"a": bare(0.9, 0.9, 0.9), "b": bare(0.7, 0.8, 0.9), "c": bare(0.5, 0.5, 0.5)}
    found = against_best(plans, "a")["c"]
    typical = 0.01 / (1 - 2 / 18) ** 3  # the median of 0.01, 0.01 and 0, as a mean
    reach = 3.4954059 * np.sqrt(typical / 2 / 3)  # 98.75 % of t with four degrees of freedom
    assert found.high == pytest.approx(-0.4 + reach)
    assert found.significant


def test_a_plan_below_by_chance_with_few_seeds_is_within_noise() -> None:
    draw = np.random.default_rng(8)
    told = 0
    for _ in range(200):
        right = (draw.random((2, 3, 100)) < 0.8).astype(int)
        one, other = ({n: accuracy(*row) for n, row in enumerate(plan)} for plan in right)
        told += against_best({"a": one, "b": other}, "a")["b"].significant
    assert told <= 4


def test_a_clear_difference_is_significant_with_three_seeds() -> None:
    draw = np.random.default_rng(9)
    one = {n: accuracy(*(draw.random(200) < 0.9).astype(int)) for n in range(3)}
    other = {n: accuracy(*(draw.random(200) < 0.7).astype(int)) for n in range(3)}
    assert against_best({"a": one, "b": other}, "a")["b"].high < 0


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


def test_equal_differences_of_bare_scores_prove_nothing() -> None:
    assert against_best({"a": bare(0.9, 0.8), "b": bare(0.8, 0.7)}, "a") == {}
    assert against_best({"a": bare(0.9), "b": bare(0.8)}, "a") == {}


def test_the_verdict_is_the_same_each_time_and_turned_round_it_is_the_other_sign() -> None:
    draw = np.random.default_rng(1)
    one, other = (
        {n: accuracy(*(draw.random(50) < p).astype(int)) for n in range(3)} for p in (0.9, 0.6)
    )
    plans = {"a": one, "b": other}
    below, above = against_best(plans, "a")["b"], against_best(plans, "b")["a"]
    assert below == against_best(plans, "a")["b"]
    assert (below.effect, below.low) == pytest.approx((-above.effect, -above.high))
