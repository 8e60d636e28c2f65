"""Computes the vectors that sentence heads read from the last hidden states of an encoder."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.architecture import example_input
from mtl_core.models.description import no_pooler
from mtl_core.models.layer_stack import evaluating

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TOLERANCE = 1e-5
"""Maximum deviation of the pooler's output from that of a whole forward pass."""

Pool = Callable[[Tensor], Tensor]
"""The states of first tokens -> the pooler's outputs: both (sentences, hidden)."""


def means(states: Tensor, sizes: Sequence[int]) -> Tensor:
    """Mean of the states of each sentence: (sentences, hidden) from (tokens, hidden).

    `sizes` are the numbers of tokens of the sentences. Without padding in `states`, this is the
    mean weighted by the attention mask, as sentence-transformers computes it. The mean of a
    sentence depends to the bit on its own states only.
    """
    parts: tuple[Tensor, ...] = states.split(list(sizes))  # type: ignore[no-untyped-call]
    return torch.stack([part.mean(0) for part in parts]) if parts else states[:0]


def find_pooler(model: "PreTrainedModel") -> Pool:
    """Return the function that computes the pooler's output from the states of first tokens.

    It is found by trial: its output must be that of a whole forward pass.
    Raises UnsupportedArchitecture if the architecture has no pooler, or one of another form.
    """
    with evaluating(model), torch.no_grad():
        output = model(input_ids=example_input(model))
        expected = getattr(output, "pooler_output", None)
        if expected is None:
            raise UnsupportedArchitecture(no_pooler(model.config.model_type))
        first = output.last_hidden_state[:, 0]
        for pool in _candidates(model):
            if _agrees(pool, first, expected):
                return pool
    raise UnsupportedArchitecture(
        f"The pooler of '{model.config.model_type}' does not act on the first token alone. Choose "
        "another sentence vector: first-token or mean."
    )


def _candidates(model: "PreTrainedModel") -> Iterator[Pool]:
    pooler = getattr(model, "pooler", None)
    if not isinstance(pooler, nn.Module):
        return
    yield lambda first: pooler(first[:, None])
    activation = getattr(model, "pooler_activation", None)
    if isinstance(activation, nn.Module):
        yield lambda first: activation(pooler(first))


def _agrees(pool: Pool, first: Tensor, expected: Tensor) -> bool:
    try:
        found = pool(first)
    except Exception:  # third-party forward passes raise any exception
        return False
    return found.shape == expected.shape and bool((found - expected).abs().max() <= TOLERANCE)
