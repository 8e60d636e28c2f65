"""Dropout of runs trained together."""

import pytest
import torch

from mtl_core.training.random_streams import RandomStream
from mtl_core.training.together.dropout import DropoutStream


@pytest.mark.parametrize("seed", [0, 7, 2**40 + 3, 2**63 - 1])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.85])
def test_a_stream_draws_the_masks_of_torchs_dropout(seed, rate):
    stream, single = DropoutStream(seed), RandomStream(seed)

    for shape in ((3, 32), (1, 32), (50, 384)):
        mask = torch.empty(shape)
        stream.draw(mask, 1 - rate)
        with single.drawing():
            expected = torch.nn.functional.dropout(torch.ones(shape), rate)
        assert torch.equal(mask, (expected > 0).float())
