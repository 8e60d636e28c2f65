"""The smallest step that changes a float32 weight, and the largest that AdamW takes."""

import pytest
import torch

from mtl_core.freezing.resolution import HALF_SPACING, rounds_to_nothing

SIZES = (1.0, 0.02, 0.999, 1.5, 2.0, 3.7e-7, 123.456)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_step_below_the_bound_changes_no_weight_and_twice_the_bound_each(size, sign):
    weight = torch.tensor(size)
    bound = weight.double() * HALF_SPACING

    assert rounds_to_nothing(0.99 * bound.item(), weight.item())
    assert torch.equal(weight - (sign * 0.99 * bound).float(), weight)
    assert not rounds_to_nothing(2.01 * bound.item(), weight.item())
    assert not torch.equal(weight - (sign * 2.01 * bound).float(), weight)


def test_layernorm_weights_of_one_move_down_at_the_bound_and_up_at_twice_of_it():
    """The spacing of float32 doubles at a power of two."""
    one = torch.tensor(1.0)

    assert one - 1.01 * HALF_SPACING < one
    assert torch.equal(one + 1.99 * HALF_SPACING, one)


def test_a_step_of_adamw_is_at_most_seven_times_the_rate():
    """Gradients that grow by beta2 / beta1 reach the bound of docs/measures.md."""
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.AdamW([weight], lr=1.0, weight_decay=0.0, eps=0.0)
    largest = 0.0
    for step in range(3000):
        before = weight.item()
        weight.grad = torch.full_like(weight, (0.999 / 0.9) ** (step - 3000))
        optimizer.step()
        largest = max(largest, abs(weight.item() - before))

    assert 7.0 < largest < 7.28
