"""Several padded batches in one pass of a backbone, their tokens one after another.

Only attention lets a token see others; all else in an encoder acts on each token alone. So batches
of different lengths can share the matrix products of one pass, unpadded towards each other, while
attention runs within each of them. Which architectures allow it is found by trying, never by name.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl_core.models.architecture import quiet_transformers
from mtl_core.models.depth import evaluating

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PACKED_TOKENS = 640
"""What a pass takes of batches that share it, at most. More tokens are no faster on a processor,
and a pass keeps as much for its backward half as it has tokens: with a limit, memory does not grow
with the batch."""

TOLERANCE = 1e-5
"""How far a packed state may be from the padded batch's, in parts of its largest value."""

Padded = tuple[Tensor, Tensor]
"""Token ids and attention mask of a batch: both (batch, tokens)."""

_ATTENTION = "packed_batches"
_TRIED_LENGTH = 12
_HARMLESS = frozenset({"position_ids", "is_causal"})


@dataclass(frozen=True)
class _Blocks:
    """The shape of each batch, (rows, tokens), and its mask; None where it has no padding."""

    shapes: tuple[tuple[int, int], ...]
    masks: tuple[Tensor | None, ...]


class PackedBackbone:
    """A backbone that takes several padded batches at once.

    `input_ids` and `attention_mask`, (batch, tokens), are a few sentences on whose beginnings it is
    tried. Where the architecture does not pack, `packs` is False and `run` must not
    be called.
    """

    def __init__(self, model: "PreTrainedModel", input_ids: Tensor, attention_mask: Tensor) -> None:
        self._model = model
        self._first_position = self._found_by_trying(input_ids, attention_mask)

    @property
    def packs(self) -> bool:
        """Whether this architecture gives in one pass what it gives batch by batch."""
        return self._first_position is not None

    def run(self, batches: Sequence[Padded]) -> Tensor:
        """The last hidden state of all batches, one after another: (1, tokens in all, hidden)."""
        if self._first_position is None:
            raise AssertionError("this architecture takes one batch at a time")
        return self._run(batches, self._first_position)

    def _run(self, batches: Sequence[Padded], first_position: int) -> Tensor:
        device = self._model.device
        shapes = tuple((ids.shape[0], ids.shape[1]) for ids, _ in batches)
        masks = tuple(None if bool(mask.all()) else mask.bool().to(device) for _, mask in batches)
        tokens = torch.cat([ids.flatten() for ids, _ in batches])[None].to(device)
        places = [torch.arange(length).repeat(rows) for rows, length in shapes]
        with _attending_by_batch(self._model):
            output = self._model(
                input_ids=tokens,
                attention_mask=torch.ones_like(tokens),
                position_ids=(torch.cat(places) + first_position)[None].to(device),
                packed_batches=_Blocks(shapes, masks),
            )
        hidden: Tensor = output.last_hidden_state
        return hidden

    def _found_by_trying(self, input_ids: Tensor, attention_mask: Tensor) -> int | None:
        """The position of a first token with which the architecture packs; None: with none.

        Tried on two batches first, which tells for most; then on more tokens than the model has
        positions, up to what a pass ever takes.
        """
        two = _of_two_lengths(input_ids.cpu(), attention_mask.cpu())
        positions = getattr(self._model.config, "max_position_embeddings", None) or 0
        wanted = min(positions + 1, PACKED_TOKENS)
        times = -(-wanted // sum(ids.numel() for ids, _ in two))
        here = [self._model.device] if self._model.device.type == "cuda" else []
        with evaluating(self._model), torch.no_grad(), torch.random.fork_rng(devices=here):
            alone = torch.cat([self._alone(batch) for batch in two])
            pad_id = getattr(self._model.config, "pad_token_id", None) or 0
            for first in (0, pad_id + 1):
                if self._agrees(two, alone, first):
                    whole = self._agrees(two * times, alone.repeat(times, 1), first)
                    return first if whole else None
        return None

    def _alone(self, batch: Padded) -> Tensor:
        """The states of a batch by itself at the tokens that are no padding: (n, hidden)."""
        ids, mask = (each.to(self._model.device) for each in batch)
        output = self._model(input_ids=ids, attention_mask=mask)
        hidden: Tensor = output.last_hidden_state
        return hidden[mask.bool()]

    def _agrees(self, tried: list[Padded], wanted: Tensor, first: int) -> bool:
        real = torch.cat([mask.flatten() for _, mask in tried]).bool()
        try:
            with quiet_transformers():
                found = self._run(tried, first)
        except Exception:  # whatever a foreign forward pass raises
            return False
        if found.shape[:2] != (1, len(real)):
            return False
        apart = (found[0, real.to(found.device)] - wanted).abs().max()
        return bool(apart <= TOLERANCE * wanted.abs().max())


def _of_two_lengths(input_ids: Tensor, attention_mask: Tensor) -> list[Padded]:
    """The beginnings of these sentences, a long and a short one; the last ends one token early."""
    long = min(_TRIED_LENGTH, input_ids.shape[1])
    cut = [(input_ids[:, :n], attention_mask[:, :n].clone()) for n in (long, max(1, long // 2))]
    for _, mask in cut:
        mask[-1, 1:][-1:] = 0
    return cut


def _within_batches(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    packed_batches: _Blocks,
    scaling: float | None = None,
    dropout: float = 0.0,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention of each batch's tokens to those of their own sentence.

    Shapes as transformers' attention functions have them: (1, heads, tokens, width) in and
    (1, tokens, heads, width) out. Raises NotImplementedError for what an architecture wants
    besides.
    """
    wanted = {name for name, asked in others.items() if asked is not None and asked is not False}
    wanted -= _HARMLESS
    if wanted or attention_mask is not None or getattr(module, "is_causal", False):
        raise NotImplementedError(f"attention with {', '.join(sorted(wanted)) or 'another mask'}")
    sizes = [rows * length for rows, length in packed_batches.shapes]
    cut = zip(*(torch.split(each, sizes, 2) for each in (query, key, value)), strict=True)
    found = []
    for shape, mask, parts in zip(packed_batches.shapes, packed_batches.masks, cut, strict=True):
        # (1, heads, rows x tokens, width) to (rows, heads, tokens, width)
        queries, keys, values = (each[0].unflatten(1, shape).transpose(0, 1) for each in parts)
        attended = functional.scaled_dot_product_attention(
            queries,
            keys,
            values,
            attn_mask=None if mask is None else mask[:, None, None, :],
            dropout_p=dropout,
            scale=scaling,
        )
        found.append(attended.transpose(1, 2).flatten(0, 1))
    return torch.cat(found)[None], None


@contextmanager
def _attending_by_batch(model: "PreTrainedModel") -> Iterator[None]:
    """Attention within batches, for a while."""
    from transformers import AttentionInterface

    AttentionInterface.register(_ATTENTION, _within_batches)
    before = model.config._attn_implementation
    model.config._attn_implementation = _ATTENTION
    try:
        yield
    finally:
        model.config._attn_implementation = before
