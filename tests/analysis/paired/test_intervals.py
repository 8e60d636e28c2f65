import numpy as np
import pytest
from scipy.special import stdtrit

from mtl_core.analysis.paired.intervals import (
    difference,
    differences_from,
    differences_from_fixed,
    level_of_pair,
    standard_error,
)
from mtl_core.analysis.paired.scores import SeedScore
from tests.analysis.paired.seed_scores import accuracy, bare


def test_seeds_without_predictions_are_tested_by_students_t() -> None:
    found = difference(bare(0.6, 0.7, 0.8), bare(0.5, 0.5, 0.5))
    assert found is not None
    reach = 4.3026527 * 0.1 / np.sqrt(3)  # 97.5 % of t with two degrees of freedom
    assert (found.seeds, found.sentences) == (3, 0)
    assert found.effect == pytest.approx(0.2)
    assert found.low == pytest.approx(0.2 - reach)
    assert found.high == pytest.approx(0.2 + reach)
    assert not found.significant


def test_one_seed_is_tested_by_its_sentences() -> None:
    found = difference({0: accuracy(*[1] * 4, *[0] * 6)}, {0: accuracy(*[0] * 10)})
    assert found is not None
    assert (found.effect, found.seeds, found.sentences) == (pytest.approx(0.4), 1, 10)
    assert found.high - found.effect == pytest.approx(2.2621572 * np.sqrt(0.2666667 / 10))


def test_the_intervals_hold_for_all_pairs_of_plans_at_once() -> None:
    """Three plans are three pairs; three seeds spend 83 % of the error."""
    plans = {"a": bare(0.9, 0.9, 0.9), "b": bare(0.7, 0.8, 0.9), "c": bare(0.4, 0.5, 0.6)}
    found = differences_from(plans, "a")["c"]
    level = (1 - 0.95 ** (1 / 3)) * 0.3**0.15
    assert found.high == pytest.approx(-0.4 + stdtrit(2, 1 - level / 2) * 0.1 / np.sqrt(3))
    assert level_of_pair(0.05, 3) == pytest.approx(1 - 0.95 ** (1 / 3))


def test_a_plan_that_varies_widely_does_not_change_the_intervals_of_the_others() -> None:
    plans = {"a": bare(0.90, 0.91, 0.92), "b": bare(0.80, 0.82, 0.81)}
    still = differences_from(plans | {"c": bare(0.80, 0.81, 0.80)}, "a")
    wide = differences_from(plans | {"c": bare(0.20, 0.91, 0.50)}, "a")
    assert wide["b"] == still["b"]
    assert wide["c"].high - wide["c"].low > 20 * (still["c"].high - still["c"].low)


def test_degrees_of_freedom_are_those_of_satterthwaite() -> None:
    error, freedom = standard_error(0.004, 0.001, 0.0002, 5, 200)
    assert error == pytest.approx(np.sqrt(0.0008 + 0.0002))
    assert freedom == pytest.approx(0.001**2 / (0.0008**2 / 4 + 0.0002**2 / 199))


def test_seeds_that_agree_by_chance_vary_at_least_as_their_sentences_do() -> None:
    error, _ = standard_error(0.0, 0.004, 0.0, 4, 200)
    assert error == pytest.approx(np.sqrt(0.001))


def test_equal_answers_on_few_sentences_do_not_show_that_two_plans_are_equal() -> None:
    same = {seed: accuracy(*[1] * 20) for seed in range(3)}
    found = difference(same, same)
    assert found is not None
    assert found.high == pytest.approx(4.3026527 * np.sqrt(2) / 20)
    many = {seed: accuracy(*[1] * 1000) for seed in range(3)}
    found = difference(many, many)
    assert found is not None
    assert found.high < 0.01


def test_a_look_at_fewer_seeds_makes_the_later_interval_wider() -> None:
    plans = {"a": bare(*np.linspace(0.8, 0.9, 10)), "b": bare(*np.linspace(0.7, 0.9, 10))}
    once = differences_from(plans, "a")["b"]
    twice = differences_from(plans, "a", looks=[range(5)])["b"]
    assert twice.effect == once.effect
    assert twice.level < once.level
    assert twice.low < once.low
    assert differences_from(plans, "a", looks=[range(10)])["b"] == once


def test_a_look_at_one_seed_gives_no_verdict_and_changes_no_interval() -> None:
    one = {
        0: accuracy(*[0] * 10, *[1] * 90),
        1: accuracy(*[1] * 100),
        2: accuracy(*[1] * 95, *[0] * 5),
    }
    other = dict.fromkeys(range(3), accuracy(*[1] * 100))
    plans = {"a": other, "b": one}
    assert differences_from(plans, "a", looks=[(0,)]) == differences_from(plans, "a")
    two_looks = differences_from(plans, "a", looks=[(0,), (0, 1)])
    assert two_looks == differences_from(plans, "a", looks=[(0, 1)])


def test_seeds_that_are_added_never_make_the_interval_wider() -> None:
    values = (0.80, 0.81, 0.82, 0.83, 0.84, 0.60, 0.95)
    plans = {"a": bare(*values), "b": bare(0.70, 0.72, 0.72, 0.74, 0.74, 0.7, 0.7)}
    five = {name: {seed: scores[seed] for seed in range(5)} for name, scores in plans.items()}
    before = differences_from(five, "a")["b"]
    after = differences_from(plans, "a", looks=[range(5)])["b"]
    assert (after.low, after.high) == (before.low, before.high)
    assert after.seeds == 7


def test_a_clear_difference_is_significant_with_three_seeds() -> None:
    draw = np.random.default_rng(9)
    one = {n: accuracy(*(draw.random(200) < 0.9).astype(int)) for n in range(3)}
    other = {n: accuracy(*(draw.random(200) < 0.7).astype(int)) for n in range(3)}
    assert differences_from({"a": one, "b": other}, "a")["b"].high < 0


def test_equal_differences_without_predictions_have_no_interval() -> None:
    assert differences_from({"a": bare(0.9, 0.8), "b": bare(0.8, 0.7)}, "a") == {}
    assert differences_from({"a": bare(0.9), "b": bare(0.8)}, "a") == {}


def test_the_interval_is_the_same_each_time_and_changes_its_sign_with_the_order() -> None:
    draw = np.random.default_rng(1)
    one, other = (
        {n: accuracy(*(draw.random(50) < p).astype(int)) for n in range(3)} for p in (0.9, 0.6)
    )
    below, above = difference(other, one), difference(one, other)
    assert below is not None
    assert above is not None
    assert below == difference(other, one)
    assert (below.effect, below.low) == pytest.approx((-above.effect, -above.high))


def test_plans_less_a_score_without_seeds_vary_by_their_own_seeds() -> None:
    """Two plans and two fixed scores are four pairs; three seeds spend 83 % of the error."""
    plans = {"a": bare(0.6, 0.7, 0.8), "b": bare(0.4, 0.5, 0.6)}
    fixed = {"words": SeedScore(0.5), "majority": SeedScore(0.3)}
    found = differences_from_fixed(plans, fixed)
    level = (1 - 0.95 ** (1 / 4)) * 0.3**0.15
    words = found["words"]["a"]
    assert (words.effect, words.seeds, words.sentences) == (pytest.approx(0.2), 3, 0)
    assert words.low == pytest.approx(0.2 - stdtrit(2, 1 - level / 2) * 0.1 / np.sqrt(3))
    assert found["majority"]["b"].effect == pytest.approx(0.2)


def test_a_score_without_seeds_is_paired_by_sentence_with_each_seed() -> None:
    seeds = [accuracy(1, 1, 1, 0), accuracy(1, 1, 0, 1)]
    fixed = accuracy(1, 0, 0, 0)
    found = differences_from_fixed({"a": dict(enumerate(seeds))}, {"words": fixed})["words"]["a"]
    parts = found.parts
    assert (found.effect, found.sentences) == (0.5, 4)
    assert parts is not None
    of_seeds = max(parts.between_seeds or 0.0, parts.rest) / 2
    by_seeds, by_sentences = (stdtrit(freedom, 1 - found.level / 2) for freedom in (1, 3))
    variance = of_seeds + parts.of_sentences
    quantile = (of_seeds * by_seeds + parts.of_sentences * by_sentences) / variance
    reach = quantile * max(variance, 2 / 4**2) ** 0.5
    assert reach > 2
    assert (found.low, found.high) == (-1.0, 1.0)  # no difference of shares is outside
    assert differences_from_fixed({}, {"words": fixed}) == {"words": {}}
