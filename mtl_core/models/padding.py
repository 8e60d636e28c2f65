"""Finds architectures in which a sentence depends on its batch, and computes them without padding.

Most encoders mask padding. FNet's transform, ConvBERT's convolution and YOSO's sums include it, so
a sentence has other states beside a longer one. BigBird replaces its attention in the first pass
over short sentences, for all later ones. Both are found by trial, not by name.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl_core.models.architecture import example_tokens, quiet_transformers
from mtl_core.models.layer_stack import evaluating, replaces_modules, unchanged

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TOLERANCE = 1e-4
"""Maximum effect of padding on a state, relative to the largest value. Rounding has 1e-6."""

_LONG, _SHORT = 8, 5
_found: WeakKeyDictionary[nn.Module, str | None] = WeakKeyDictionary()


def padding_problem(model: "PreTrainedModel") -> str | None:
    """Return how a sentence depends on the batch that it is in; None if it does not.

    Tested once for each model: a sentence alone, beside the same one padded to a longer one.
    """
    if model not in _found:
        with (
            evaluating(model),
            torch.no_grad(),
            torch.random.fork_rng(devices=[]),
            torch.autocast(model.device.type, enabled=False),
            quiet_transformers(),
        ):
            _found[model] = _tried(model)
    return _found[model]


def settle(model: "PreTrainedModel", longest: int) -> None:
    """Let a model replace its modules now if it does so in any pass over `longest` tokens or fewer.

    BigBird has full attention then, as it would have after the first of these passes.
    """
    if padding_problem(model) is None:
        return
    ids = example_tokens(model, longest)
    with torch.random.fork_rng(devices=[]), torch.no_grad(), quiet_transformers():
        if replaces_modules(model, ids):
            model(input_ids=ids)
            del _found[model]


def states_without_padding(
    model: "PreTrainedModel", input_ids: Tensor, attention_mask: Tensor
) -> Tensor:
    """Return the last hidden state from one pass for each length: (batch, tokens, hidden).

    It is 0 at padding. Modules that a pass replaces are restored.
    """

    def run(ids: Tensor, mask: Tensor) -> list[Tensor]:
        with unchanged(model), quiet_transformers():
            return [model(input_ids=ids, attention_mask=mask).last_hidden_state]

    return by_length(run, input_ids, attention_mask)[0]


def by_length(
    run: Callable[[Tensor, Tensor], list[Tensor]], input_ids: Tensor, attention_mask: Tensor
) -> list[Tensor]:
    """Call `run` for the sentences of each length without their padding, and join its results.

    `run` returns tensors of (sentences, tokens, hidden) for token ids and mask. The results are
    (batch, tokens, hidden), with 0 at padding.
    """
    lengths = attention_mask.sum(1)
    sizes = sorted(set(lengths.tolist()))
    groups = [(lengths == size).nonzero()[:, 0] for size in sizes]
    found = [
        run(input_ids[rows, :size], attention_mask[rows, :size])
        for rows, size in zip(groups, sizes, strict=True)
    ]
    order, longest = torch.cat(groups).argsort(), input_ids.shape[1]
    return [
        torch.cat(
            [functional.pad(each, (0, 0, 0, longest - each.shape[1])) for each in parts]
        ).index_select(0, order)
        for parts in zip(*found, strict=True)
    ]


def _tried(model: "PreTrainedModel") -> str | None:
    ids, kind = example_tokens(model, _LONG), model.config.model_type
    short, modules = min(_SHORT, ids.shape[1] - 1), list(model.modules())
    if not short:
        return None
    alone = model(input_ids=ids[:, :short], attention_mask=torch.ones_like(ids[:, :short]))
    if list(model.modules()) != modules:
        return f"'{kind}' replaces modules of its own in a pass over a short sentence"
    mask = torch.ones_like(ids).repeat(2, 1)
    mask[1, short:] = 0
    pad_id = getattr(model.config, "pad_token_id", None) or 0
    padded = model(input_ids=ids.where(mask == 1, pad_id), attention_mask=mask)
    expected, found = alone.last_hidden_state[0], padded.last_hidden_state[1, :short]
    apart = float((found - expected).abs().max() / expected.abs().max())
    if apart <= TOLERANCE:
        return None
    return (
        f"'{kind}' mixes padding into the states of a sentence "
        f"(by {apart:.1g} of the largest value)"
    )
