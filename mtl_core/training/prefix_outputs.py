"""What frozen layers gave for each sentence: computed once, kept, and found again."""

import hashlib
import json
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mtl_core.models.replay import LayerReplay
from mtl_core.training.prefix_order import Sentences
from mtl_core.training.prefix_store import PrefixStore

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_FORMAT = 1
"""Counts up when what is stored, or how it is computed, changes."""

Append = Callable[[Tensor], None]


def entry_key(
    sentences: Sentences, depth: int, model: "PreTrainedModel", weights_digest: str
) -> str:
    """The SHA-256 of everything that the stored numbers follow from, to the bit.

    The token ids stand for data, tokenizer and maximum length. Threads, versions and the
    processor's instruction set are in it, for each of them changes how sums are rounded.
    """
    config = model.config.to_dict()
    for said_elsewhere in ("_name_or_path", "transformers_version"):
        config.pop(said_elsewhere, None)
    facts = {
        "format": _FORMAT,
        "weights": weights_digest,
        "config": config,
        "attention": model.config._attn_implementation,
        "sentences": sentences.digest,
        "depth": depth,
        "dtype": str(model.dtype),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "machine": [platform.machine(), torch.backends.cpu.get_cpu_capability()],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class FrozenOutputs:
    """What a backbone's layers give for some sentences, at the depths asked for.

    Outputs are (all tokens, `width`), unpadded, in the sentences' own order. `between_batches` is
    called while they are computed, and may end that by raising.
    """

    replay: LayerReplay
    sentences: Sentences
    width: int
    between_batches: Callable[[], None] = lambda: None

    def bytes_at(self, depths: Sequence[int]) -> int:
        """The room that outputs at these depths take."""
        return len(depths) * self.sentences.tokens * self.width * 4

    def in_memory(self, depths: Sequence[int]) -> dict[int, Tensor]:
        """Outputs by depth, held by this process alone."""
        found = {depth: torch.empty(self.sentences.tokens, self.width) for depth in depths}
        self._compute({depth: _fill(outputs) for depth, outputs in found.items()})
        return found

    def kept(self, keys: Mapping[int, str], store: PrefixStore) -> dict[int, Tensor]:
        """Outputs by depth, from the store.

        What is not there, or differs from what one batch gives now, is computed and stored.
        Raises OSError where the store's folder cannot be written.
        """
        shape = (self.sentences.tokens, self.width)
        here = _read(store, keys, shape)
        if here and not self.are_still(here):
            for depth in here:
                store.forget(keys[depth])
            here = {}
        missing = {depth: key for depth, key in keys.items() if depth not in here}
        if missing:
            with _drafts(store, missing, shape) as appends:
                self._compute(appends)
            here |= _read(store, missing, shape)
        if len(here) < len(keys):
            raise OSError("an entry was gone as soon as it was written")
        return here

    def are_still(self, outputs: Mapping[int, Tensor]) -> bool:
        """Whether one fixed batch, run again now, gives these outputs to the bit."""
        input_ids, mask = self.sentences.middle_batch()
        again = self.replay.capture(sorted(outputs), input_ids, mask)
        real = mask.bool()
        return all(
            torch.equal(again[depth][real], self.sentences.gather(stored, input_ids, mask)[real])
            for depth, stored in outputs.items()
        )

    def _compute(self, appends: Mapping[int, Append]) -> None:
        """Hand what enters each depth to that depth's `append`, batch by batch."""
        for input_ids, mask in self.sentences.batches():
            self.between_batches()
            real = mask.bool()
            for depth, hidden in self.replay.capture(sorted(appends), input_ids, mask).items():
                appends[depth](hidden[real])


def _read(store: PrefixStore, keys: Mapping[int, str], shape: tuple[int, int]) -> dict[int, Tensor]:
    found = {depth: store.read(key, shape) for depth, key in keys.items()}
    return {depth: outputs for depth, outputs in found.items() if outputs is not None}


@contextmanager
def _drafts(
    store: PrefixStore, keys: Mapping[int, str], shape: tuple[int, int]
) -> Iterator[dict[int, Append]]:
    with ExitStack() as open_drafts:
        yield {
            depth: open_drafts.enter_context(store.writing(key, shape)).append
            for depth, key in keys.items()
        }


def _fill(outputs: Tensor) -> Append:
    filled = 0

    def append(rows: Tensor) -> None:
        nonlocal filled
        outputs[filled : filled + len(rows)] = rows
        filled += len(rows)

    return append
