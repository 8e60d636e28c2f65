"""The gradient of the cross entropy, beside autograd's."""

import torch
from torch.nn import functional

from mtl_core.training.losses import logit_gradients

LABELS = torch.tensor([2, 0, 1, 2])
WEIGHTS = torch.tensor([0.5, 1.0, 0.0, 2.0])[:, None]


def test_the_gradient_by_the_logits_is_that_of_autograd() -> None:
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logits.requires_grad_()
    losses = functional.cross_entropy(logits, LABELS, reduction="none")
    (expected,) = torch.autograd.grad((losses * WEIGHTS[:, 0]).sum(), logits)
    shares = torch.log_softmax(logits.detach(), 1)
    torch.testing.assert_close(logit_gradients(shares, LABELS, WEIGHTS.double()), expected)


def test_one_weight_is_that_of_all_rows() -> None:
    shares = torch.log_softmax(torch.ones(4, 3), 1)
    found = logit_gradients(shares.clone(), LABELS, 0.25)
    torch.testing.assert_close(found[0], 0.25 * torch.tensor([1 / 3, 1 / 3, 1 / 3 - 1]))
