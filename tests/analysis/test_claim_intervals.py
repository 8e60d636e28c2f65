"""The intervals of claims: exact values, and p-values that agree with the intervals."""

from math import log, sqrt

import pytest

from mtl_core.analysis.claim_intervals import of_mean, of_pairs, of_ratios, of_share, of_spread
from mtl_core.analysis.claim_verdicts import (
    ClaimVerdict,
    Finding,
    after_holm,
    holm_adjusted,
    judged,
)
from mtl_core.analysis.paired.components import Components
from mtl_core.analysis.paired.intervals import PairedDifference


def test_a_mean_over_three_seeds_has_students_interval_and_p_value() -> None:
    found = of_mean([0.1, 0.2, 0.3])
    assert found is not None
    assert found.high - found.effect == pytest.approx(4.3027 * 0.1 / sqrt(3), rel=1e-4)
    assert found.p_above(0.0) == pytest.approx(0.0742, abs=1e-4)  # t = 3.464, 2 degrees of freedom
    assert found.p_above(found.low) == pytest.approx(0.05)
    assert found.p_below(found.high) == pytest.approx(0.05)
    assert found.p_below(0.0) == 1.0
    assert of_mean([0.1]) is None


def test_what_a_mean_detects_adds_the_quantile_of_the_power() -> None:
    found = of_mean([0.1, 0.2, 0.3])
    assert found is not None
    assert found.detects == pytest.approx((4.3027 + 1.0607) * 0.1 / sqrt(3), rel=1e-4)


def test_ratios_have_a_geometric_mean() -> None:
    found = of_ratios([2.0, 8.0])
    assert found is not None
    assert found.effect == pytest.approx(4.0)
    assert log(found.high) - log(4.0) == pytest.approx(log(4.0) - log(found.low))
    assert found.p_above(found.low) == pytest.approx(0.05)


def test_a_share_of_seeds_has_the_exact_interval() -> None:
    found = of_share(9, 10)
    assert (found.low, found.high) == (pytest.approx(0.5550, abs=1e-4), pytest.approx(0.9975, 1e-4))
    assert found.p_above(0.5) == pytest.approx(22 / 1024)  # twice P(9 or 10 of 10)
    assert found.p_above(found.low) == pytest.approx(0.05)
    assert found.p_below(found.high) == pytest.approx(0.05)


def test_no_seed_and_every_seed_are_bounded_on_one_side() -> None:
    none, every = of_share(0, 20), of_share(20, 20)
    assert (none.low, none.high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 20)))
    assert (every.low, every.high) == (pytest.approx(0.025 ** (1 / 20)), 1.0)
    assert none.p_above(0.0) == every.p_below(1.0) == 1.0
    assert none.p_below(0.2) == pytest.approx(2 * 0.8**20)


def test_spreads_are_mean_absolute_deviations_from_the_median() -> None:
    ones, others = [-4.0, -2.0, 0.0, 2.0, 4.0], [1.0, -1.0, 0.0, 1.0, -3.0]
    found = of_spread(ones, others)
    assert found is not None
    assert found.effect == pytest.approx(2.4 / 1.2)  # deviations 4 2 0 2 4 and 1 1 0 1 3
    relative = [4 / 2.4 - 1 / 1.2, 2 / 2.4 - 1 / 1.2, 0.0, 2 / 2.4 - 1 / 1.2, 4 / 2.4 - 3 / 1.2]
    error = sqrt(sum(each**2 for each in relative) / 4 / 5)
    assert log(found.high / 2) == pytest.approx(2.776445 * error, rel=1e-5)
    assert log(2 / found.low) == pytest.approx(2.776445 * error, rel=1e-5)
    assert found.p_above(found.low) == pytest.approx(0.05)
    assert found.p_below(found.high) == pytest.approx(0.05)


def test_arms_that_do_not_vary_have_no_ratio_of_spreads() -> None:
    assert of_spread([0.5, 0.5, 0.5], [0.4, 0.5, 0.6]) is None
    assert of_spread([0.4, 0.6], [0.4, 0.5]) is None


def test_a_paired_difference_has_the_p_value_of_its_interval() -> None:
    parts = Components(0.05, 3, 0, between_seeds=3 * 0.02**2)
    reach = 4.302653 * 0.02
    found = of_pairs(PairedDifference(0.05, 0.05 - reach, 0.05 + reach, 3, 0, parts=parts))
    assert found.p_above(found.low) == pytest.approx(0.05, abs=1e-5)
    assert found.p_above(0.0) == pytest.approx(0.1296, abs=1e-3)  # t = 2.5
    with pytest.raises(ValueError, match="components"):
        of_pairs(PairedDifference(0.05, 0.0, 0.1, 3, 0))


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.09, 0.10, 0.11], ClaimVerdict.HOLDS),
        ([-0.11, -0.10, -0.09], ClaimVerdict.DOES_NOT_HOLD),
        ([0.009, 0.010, 0.011], ClaimVerdict.HOLDS),  # below the margin, so with a remark
        ([-0.001, 0.010, 0.015], ClaimVerdict.DOES_NOT_HOLD),  # not shown to be above the bar
        ([-0.001, 0.0, 0.001], ClaimVerdict.DOES_NOT_HOLD),  # shown to be nearly nothing
        ([-0.05, 0.02, 0.08], ClaimVerdict.UNDECIDED),
    ],
)
def test_bar_and_margin_decide(values: list[float], verdict: ClaimVerdict) -> None:
    finding = judged(of_mean(values), bar=0.0, margin=0.03)
    assert finding.verdict is verdict
    assert finding.p_value is not None
    assert (finding.p_value < 0.05) is finding.decided


def test_without_an_estimate_a_claim_is_not_tested() -> None:
    assert judged(None, 0.0).verdict is ClaimVerdict.OPEN


def test_holm_multiplies_the_lowest_p_value_most_and_never_lets_a_higher_one_overtake() -> None:
    adjusted = holm_adjusted([0.03, None, 0.01, 0.02, 0.9])
    assert adjusted == (pytest.approx(0.06), None, pytest.approx(0.04), pytest.approx(0.06), 0.9)


def test_a_verdict_that_holm_does_not_confirm_is_undecided_among_all() -> None:
    holds = Finding(ClaimVerdict.HOLDS, p_value=0.03)
    assert after_holm(holds, 0.06) is ClaimVerdict.UNDECIDED
    assert after_holm(holds, 0.04) is ClaimVerdict.HOLDS
    assert after_holm(Finding(ClaimVerdict.DOES_NOT_HOLD), None) is ClaimVerdict.DOES_NOT_HOLD
    assert after_holm(Finding(ClaimVerdict.OPEN), None) is ClaimVerdict.OPEN
