import numpy as np
import pytest
from scipy.special import stdtrit

from mtl_core.analysis.paired.components import Components
from mtl_core.analysis.paired.intervals import PairedDifference, difference
from mtl_core.analysis.paired.planning import (
    Enough,
    enough_to_decide,
    expected_interval,
    smallest_difference,
)
from tests.analysis.paired.seed_scores import bare


def found(effect: float, seeds: int, sentences: int, *variances: float) -> PairedDifference:
    """A difference with an interval at 5 %; `variances` are the fields of its components."""
    parts = Components(effect, seeds, sentences, *variances)
    return PairedDifference(effect, effect - 0.1, effect + 0.1, seeds, sentences, 0.05, parts)


def test_the_smallest_difference_adds_the_quantile_of_the_power_to_the_interval() -> None:
    factor = stdtrit(4, 0.975) + stdtrit(4, 0.8)
    smallest = smallest_difference(found(0.0, 5, 0, 0.002))
    assert smallest == pytest.approx(factor * np.sqrt(0.002 / 5))


def test_a_difference_of_that_size_is_found_in_four_of_five_trials() -> None:
    draw = np.random.default_rng(2)
    size = smallest_difference(found(0.0, 5, 0, 1.0)) or 0.0
    trials = [
        difference(bare(*(size + draw.normal(0, 1, 5))), bare(0, 0, 0, 0, 0)) for _ in range(2000)
    ]
    shown = [each is not None and each.low > 0 for each in trials]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.04)


def test_the_number_of_seeds_that_decides_is_the_lowest_that_finds_the_target() -> None:
    enough = enough_to_decide(found(0.05, 5, 200, 0.001, 0.0004, 0.0003), margin=0.07)
    assert enough.seeds is not None
    assert enough.sentences is not None
    at = [
        smallest_difference(found(0.05, seeds, 200, 0.001, 0.0004, 0.0003)) or 0.0
        for seeds in (enough.seeds - 1, enough.seeds)
    ]
    assert at[1] < 0.05 < at[0]


def test_the_seeds_for_equal_plans_put_four_of_five_intervals_inside_the_margin() -> None:
    enough = enough_to_decide(found(0.0, 5, 0, 1.0), margin=1.0)
    assert enough.seeds is not None
    draw = np.random.default_rng(2)
    nothing = bare(*[0] * enough.seeds)
    trials = [difference(bare(*draw.normal(0, 1, enough.seeds)), nothing) for _ in range(2000)]
    inside = [each is not None and -1 < each.low < each.high < 1 for each in trials]
    assert 0.78 < np.mean(inside) < 0.9


def test_no_number_of_seeds_decides_what_the_sentences_leave_open() -> None:
    enough = enough_to_decide(found(0.02, 5, 200, 0.0005, 0.0004, 0.002), margin=0.03)
    assert enough.seeds is None
    assert enough.sentences is not None
    assert enough.sentences > 1000


def test_one_seed_plans_nothing() -> None:
    one = PairedDifference(0.1, 0.0, 0.2, 1, 200)
    assert smallest_difference(one) is None
    assert enough_to_decide(one, 0.03) == Enough(None, None)


def test_the_expected_interval_of_the_same_design_is_the_interval_itself() -> None:
    measured = difference(bare(0.7, 0.75, 0.8), bare(0.7, 0.7, 0.72))
    assert measured is not None
    same = expected_interval(measured, 3, 0)
    assert (same.low, same.high) == pytest.approx((measured.low, measured.high))


def test_the_expected_interval_narrows_with_seeds_and_with_sentences() -> None:
    now = found(-0.04, 5, 200, 0.001, 0.0004, 0.0003)
    widths = [
        each.high - each.low
        for each in (
            expected_interval(now, 5, 200),
            expected_interval(now, 10, 200),
            expected_interval(now, 5, 800),
        )
    ]
    assert widths[0] > widths[1]
    assert widths[0] > widths[2]


def test_an_interval_cannot_be_expected_from_one_seed() -> None:
    with pytest.raises(ValueError, match="two seeds"):
        expected_interval(found(-0.04, 5, 200, 0.001), 1, 200)
