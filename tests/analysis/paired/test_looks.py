import numpy as np
import pytest
from scipy.special import ndtri

from mtl_core.analysis.paired.looks import level_of_look, spent_error


def test_five_seeds_spend_nine_tenths_of_the_error_and_ten_all() -> None:
    assert spent_error(3, 0.05) == pytest.approx(0.0417, abs=1e-4)
    assert spent_error(5, 0.05) == pytest.approx(0.0451, abs=1e-4)
    assert spent_error(10, 0.05) == spent_error(25, 0.05) == 0.05


def test_the_first_look_has_the_level_that_it_spends() -> None:
    assert level_of_look((5,), 0.05) == spent_error(5, 0.05)


@pytest.mark.parametrize("looks", [(5, 10), (3, 5, 10), (2, 3, 4, 5, 6, 7, 8, 9, 10)])
def test_equal_plans_are_called_different_at_any_look_as_often_as_stated(
    looks: tuple[int, ...],
) -> None:
    draw = np.random.default_rng(0)
    sums = draw.normal(0, 1, (40_000, looks[-1])).cumsum(axis=1)
    levels = [level_of_look(looks[: n + 1], 0.05) for n in range(len(looks))]
    called = [
        np.abs(sums[:, count - 1]) / np.sqrt(count) > ndtri(1 - level / 2)
        for count, level in zip(looks, levels, strict=True)
    ]
    assert np.any(called, axis=0).mean() == pytest.approx(0.05, abs=0.0033)  # three errors


def test_no_error_is_left_after_ten_seeds() -> None:
    assert level_of_look((5, 10, 15), 0.05) == 0.0
    assert level_of_look((12,), 0.05) == 0.05


@pytest.mark.parametrize("looks", [(), (5, 5), (5, 3)])
def test_looks_without_new_seeds_are_an_error(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="The numbers of seeds at the looks must increase"):
        level_of_look(looks, 0.05)
