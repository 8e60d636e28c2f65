"""Dropout with masks from 16 random bits an element."""

import pytest
import torch
from torch.nn import functional

from mtl_core.models.dropout_masks import use_fast_dropout


@pytest.fixture(autouse=True)
def fast(global_random_state: None) -> None:
    use_fast_dropout()
    torch.manual_seed(0)


def test_an_element_is_zero_with_the_probability_of_dropout() -> None:
    count = 4_000_000
    zeros = int((functional.dropout(torch.ones(count), 0.1) == 0).sum())
    # The standard deviation of a count is sqrt(0.1 * 0.9 / n); 6554 / 65536 is the rounded rate.
    assert abs(zeros / count - 6554 / 65536) < 4 * (0.09 / count) ** 0.5


def test_four_elements_share_a_random_number() -> None:
    words = torch.empty(25, dtype=torch.int64).random_(-(2**63), None)
    torch.manual_seed(0)
    mask = torch.empty(99).bernoulli_(0.5)
    assert torch.equal(mask, (words.view(torch.int16)[:99] < 0).float())


def test_elements_of_a_mask_do_not_depend_on_each_other() -> None:
    mask = torch.empty(1_000_000).bernoulli_(0.5) - 0.5
    for apart in (1, 2, 3, 4, 8):
        product = float((mask[apart:] * mask[:-apart]).mean())
        assert abs(product) < 4 * 0.25 / 1000, apart


def test_what_remains_is_scaled_and_the_gradient_has_the_same_mask() -> None:
    given = torch.ones(50, 40, requires_grad=True)
    kept = functional.dropout(given, 0.5)
    kept.sum().backward()
    assert set(kept.detach().unique().tolist()) == {0.0, 2.0}
    assert torch.equal(given.grad, kept.detach())


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 1023])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.bool])
def test_any_number_of_elements_of_any_type_is_filled(count: int, dtype: torch.dtype) -> None:
    mask = torch.full((count,), 7, dtype=torch.float32).to(dtype).bernoulli_(0.5)
    assert set(mask.float().tolist()) <= {0.0, 1.0}


def test_a_transposed_mask_is_filled_in_place() -> None:
    mask = torch.full((30, 20), 7.0)
    mask.t().bernoulli_(0.5)
    assert set(mask.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize(("p", "value"), [(0.0, 0.0), (1.0, 1.0), (1e-9, 0.0)])
def test_the_ends_are_exact(p: float, value: float) -> None:
    assert torch.empty(1000).bernoulli_(p).tolist() == [value] * 1000


def test_a_generator_and_a_seed_give_the_same_mask_again() -> None:
    def drawn(seed: int) -> torch.Tensor:
        return torch.empty(99).bernoulli_(0.5, generator=torch.Generator().manual_seed(seed))

    assert torch.equal(drawn(3), drawn(3))
    assert not torch.equal(drawn(3), drawn(4))


def test_an_impossible_probability_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"p=1\.5"):
        torch.empty(3).bernoulli_(1.5)
