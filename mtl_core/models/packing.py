"""Runs several padded batches in one forward pass by concatenating their tokens.

In an encoder only attention combines tokens; everything else acts on each token separately.
Batches of different lengths can therefore share the matrix products of one pass without padding
to a common length, while attention runs within each batch. Supported architectures are found by
trial, not by name, and batches that the trial does not cover run alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl_core.models.architecture import quiet_transformers
from mtl_core.models.layer_stack import evaluating
from mtl_core.models.transfer import to_device

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PACKED_TOKENS = 640
"""Maximum number of tokens in a shared pass. More tokens are not faster on a CPU, and the memory
for the backward pass grows with the number of tokens."""

TOLERANCE = 1e-5
"""Maximum deviation of a packed state, relative to the largest value of the padded batch."""

Padded = tuple[Tensor, Tensor]
"""Token ids and attention mask of a batch: both (batch, tokens)."""

_ATTENTION = "packed_batches"
_TRIED_LENGTH = 12
_HARMLESS = frozenset({"position_ids", "is_causal"})


@dataclass(frozen=True)
class _Blocks:
    """The shape of each batch, (rows, tokens), and its mask; None for a batch without padding."""

    shapes: tuple[tuple[int, int], ...]
    masks: tuple[Tensor | None, ...]


class PackedBackbone:
    """A backbone that runs several padded batches in one pass.

    `input_ids` and `attention_mask`, (batch, tokens), are example sentences for the trial, the
    longest that occurs among them. If the architecture does not support packing, `packs` is False
    and `run` must not be called.
    """

    def __init__(self, model: "PreTrainedModel", input_ids: Tensor, attention_mask: Tensor) -> None:
        self._model = model
        self._longest = _longest_sentence(input_ids.cpu(), attention_mask.cpu())
        self._first_position = self._find_first_position(input_ids, attention_mask)

    @property
    def packs(self) -> bool:
        """Whether the architecture gives the same result in one pass as batch by batch."""
        return self._first_position is not None

    def fits(self, batches: Sequence[Padded]) -> bool:
        """Whether these batches have the same result in one pass as batch by batch.

        Packed tokens are numbered by their place in the sentence. RoBERTa does not number the
        padding token, also where it is a word of the sentence, so such a sentence does not fit. Nor
        does one that is longer than those of the trial.
        """
        return self.packs and all(
            ids.shape[1] <= self._longest[0].shape[1] and not self._has_pad_token(ids, mask)
            for ids, mask in batches
        )

    def _has_pad_token(self, input_ids: Tensor, attention_mask: Tensor) -> bool:
        pad_id = getattr(self._model.config, "pad_token_id", None)
        return pad_id is not None and bool(((input_ids == pad_id) & attention_mask.bool()).any())

    def run(self, batches: Sequence[Padded]) -> Tensor:
        """The last hidden states of all batches, concatenated: (1, total tokens, hidden)."""
        if self._first_position is None:
            raise AssertionError("this architecture does not support packed batches")
        return self._run(batches, self._first_position)

    def _run(self, batches: Sequence[Padded], first_position: int) -> Tensor:
        device = self._model.device
        shapes = tuple((ids.shape[0], ids.shape[1]) for ids, _ in batches)
        masks = tuple(
            None if bool(mask.all()) else to_device(mask.bool(), device) for _, mask in batches
        )
        tokens = to_device(torch.cat([ids.flatten() for ids, _ in batches])[None], device)
        places = [torch.arange(length).repeat(rows) for rows, length in shapes]
        with _attention_by_batch(self._model):
            output = self._model(
                input_ids=tokens,
                attention_mask=torch.ones_like(tokens),
                position_ids=to_device((torch.cat(places) + first_position)[None], device),
                packed_batches=_Blocks(shapes, masks),
            )
        hidden: Tensor = output.last_hidden_state
        return hidden

    def _find_first_position(self, input_ids: Tensor, attention_mask: Tensor) -> int | None:
        """The position id of the first token for which packing works; None if it does not.

        The first trial packs two batches, which rejects most unsupported architectures. The second
        uses more tokens than the model has positions, up to PACKED_TOKENS, and a long sentence.
        """
        two = _of_two_lengths(input_ids.cpu(), attention_mask.cpu())
        positions = getattr(self._model.config, "max_position_embeddings", None) or 0
        tokens = min(positions + 1, PACKED_TOKENS)
        times = -(-tokens // sum(ids.numel() for ids, _ in two))
        here = [self._model.device] if self._model.device.type == "cuda" else []
        with evaluating(self._model), torch.no_grad(), torch.random.fork_rng(devices=here):
            expected = torch.cat([self._unpacked(batch) for batch in two])
            pad_id = getattr(self._model.config, "pad_token_id", None) or 0
            for first in (0, pad_id + 1):
                if self._agrees(two, expected, first):
                    many = torch.cat([expected.repeat(times, 1), self._unpacked(self._longest)])
                    batches = [*two * times, self._longest]
                    return first if self._agrees(batches, many, first) else None
        return None

    def _unpacked(self, batch: Padded) -> Tensor:
        """The states of a single batch without its padding: (n, hidden)."""
        ids, mask = (each.to(self._model.device) for each in batch)
        output = self._model(input_ids=ids, attention_mask=mask)
        hidden: Tensor = output.last_hidden_state
        return hidden[mask.bool()]

    def _agrees(self, batches: list[Padded], expected: Tensor, first: int) -> bool:
        real = torch.cat([mask.flatten() for _, mask in batches]).bool()
        try:
            with quiet_transformers():
                found = self._run(batches, first)
        except Exception:  # third-party forward passes raise any exception
            return False
        if found.shape[:2] != (1, len(real)):
            return False
        deviation = (found[0, real.to(found.device)] - expected).abs().max()
        return bool(deviation <= TOLERANCE * expected.abs().max())


def _of_two_lengths(input_ids: Tensor, attention_mask: Tensor) -> list[Padded]:
    """Two batches with the first tokens of the sentences, a long and a short one, with padding.

    The short length is odd.
    """
    long = min(_TRIED_LENGTH, input_ids.shape[1])
    short = max(1, (long // 2 - 1) | 1)
    cut = [(input_ids[:, :n], attention_mask[:, :n].clone()) for n in (long, short)]
    for _, mask in cut:
        mask[-1, 1:][-1:] = 0
    return cut


def _longest_sentence(input_ids: Tensor, attention_mask: Tensor) -> Padded:
    """The longest sentence alone, up to PACKED_TOKENS tokens: (1, tokens)."""
    row = int(attention_mask.sum(1).argmax())
    length = min(int(attention_mask[row].sum()), PACKED_TOKENS)
    return input_ids[row : row + 1, :length], attention_mask[row : row + 1, :length]


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
    """Attention between the tokens of each sentence.

    Shapes follow transformers' attention functions: (1, heads, tokens, width) in and
    (1, tokens, heads, width) out. Raises NotImplementedError for unsupported arguments.
    """
    unsupported = {
        name for name, value in others.items() if value is not None and value is not False
    }
    unsupported -= _HARMLESS
    if unsupported or attention_mask is not None or getattr(module, "is_causal", False):
        raise NotImplementedError(
            f"attention with {', '.join(sorted(unsupported)) or 'another mask'}"
        )
    sizes = [rows * length for rows, length in packed_batches.shapes]
    batches = zip(*(torch.split(each, sizes, 2) for each in (query, key, value)), strict=True)
    found = []
    for shape, mask, parts in zip(
        packed_batches.shapes, packed_batches.masks, batches, strict=True
    ):
        # (1, heads, rows x tokens, width) to (rows, heads, tokens, width)
        queries, keys, values = (each[0].unflatten(1, shape).transpose(0, 1) for each in parts)
        attended = _attended(queries, keys, values, mask, dropout, scaling)
        found.append(attended.transpose(1, 2).flatten(0, 1))
    return torch.cat(found)[None], None


def _attended(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor | None,
    dropout: float,
    scaling: float | None,
) -> Tensor:
    """Attention of one batch: (rows, heads, tokens, width), as its arguments.

    With dropout, torch's own function scales both factors and searches for fully masked rows, in
    several passes over the scores. A sentence always has a token, so they are left out. Under
    autocast torch's function is used, because it keeps the scores in float32.
    """
    if not dropout or torch.is_autocast_enabled(queries.device.type):
        return functional.scaled_dot_product_attention(
            queries,
            keys,
            values,
            attn_mask=None if mask is None else mask[:, None, None, :],
            dropout_p=dropout,
            scale=scaling,
        )
    scale = queries.shape[-1] ** -0.5 if scaling is None else scaling
    scores = queries.mul(scale) @ keys.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill_(~mask[:, None, None, :], float("-inf"))
    return functional.dropout(scores.softmax(-1), dropout) @ values


@contextmanager
def _attention_by_batch(model: "PreTrainedModel") -> Iterator[None]:
    """Use attention within batches inside the context."""
    from transformers import AttentionInterface

    AttentionInterface.register(_ATTENTION, _within_batches)
    before = model.config._attn_implementation
    model.config._attn_implementation = _ATTENTION
    try:
        yield
    finally:
        model.config._attn_implementation = before
