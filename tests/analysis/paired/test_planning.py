import numpy as np
import pytest
from scipy.special import stdtrit

from mtl_core.analysis.paired.components import Components
from mtl_core.analysis.paired.intervals import difference
from mtl_core.analysis.paired.planning import Enough, enough_to_decide, smallest_difference
from tests.analysis.paired.seed_scores import bare

PARTS = Components(0.02, 5, 200, between_seeds=0.001, rest=0.0004, of_sentences=0.0003)


def test_the_smallest_difference_adds_the_quantile_of_the_power_to_the_interval() -> None:
    found = smallest_difference(Components(0.0, 5, 0, between_seeds=0.002), 0.05)
    factor = stdtrit(4, 0.975) + stdtrit(4, 0.8)
    assert found == pytest.approx(factor * np.sqrt(0.002 / 5))


def test_a_difference_of_that_size_is_found_in_four_of_five_trials() -> None:
    draw = np.random.default_rng(2)
    size = smallest_difference(Components(0.0, 5, 0, between_seeds=1.0), 0.05)
    assert size is not None
    found = [
        difference(bare(*(size + draw.normal(0, 1, 5))), bare(0, 0, 0, 0, 0)) for _ in range(2000)
    ]
    assert np.mean([each is not None and each.low > 0 for each in found]) == pytest.approx(
        0.8, abs=0.04
    )


def test_the_numbers_that_decide_are_the_lowest_whose_smallest_difference_is_below_the_target() -> (
    None
):
    enough = enough_to_decide(PARTS, margin=0.07, level=0.05)  # to reach: 0.07 - 0.02
    assert enough.seeds is not None
    assert enough.sentences is not None
    more = Components(0.02, enough.seeds, 200, 0.001, 0.0004, 0.0003)
    fewer = Components(0.02, enough.seeds - 1, 200, 0.001, 0.0004, 0.0003)
    assert (smallest_difference(more, 0.05) or 1) < 0.05 < (smallest_difference(fewer, 0.05) or 0)


def test_no_number_of_seeds_decides_what_the_sentences_leave_open() -> None:
    few_sentences = Components(0.02, 5, 200, 0.0005, 0.0004, of_sentences=0.002)
    enough = enough_to_decide(few_sentences, margin=0.03, level=0.05)
    assert enough.seeds is None
    assert enough.sentences is not None
    assert enough.sentences > 1000


def test_one_seed_plans_nothing() -> None:
    one = Components(0.1, 1, 200, None, of_sentences=0.001)
    assert smallest_difference(one, 0.05) is None
    assert enough_to_decide(one, 0.03, 0.05) == Enough(None, None)
