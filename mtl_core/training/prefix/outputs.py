"""What frozen layers gave for each sentence: computed once, kept, and found again."""

import hashlib
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mtl_core.models.matrix_products import products_in_use
from mtl_core.models.replay import LayerReplay
from mtl_core.training.prefix.layout import Layout, Sentences
from mtl_core.training.prefix.rows import StoredRows
from mtl_core.training.prefix.store import PrefixStore

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_FORMAT = 2
"""Counts up when what is stored, or how it is computed, changes."""

Append = Callable[[Tensor], None]


def entry_key(
    sentences: Sentences,
    layout: Layout,
    depth: int,
    model: "PreTrainedModel",
    weights_digest: str,
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
        "rows": layout.digest,
        "depth": depth,
        "dtype": str(model.dtype),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "products": products_in_use(),
        "machine": _processor(model.device),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def _processor(device: torch.device) -> list[str]:
    """What computes: two of a kind round alike."""
    if device.type == "cuda":
        return ["cuda", torch.cuda.get_device_name(device), torch.version.cuda or ""]
    if device.type == "mps":
        return ["mps", platform.machine(), platform.mac_ver()[0]]
    return [platform.machine(), torch.backends.cpu.get_cpu_capability()]


@dataclass(frozen=True)
class FrozenOutputs:
    """What a backbone's layers give for some sentences, at the depths asked for.

    Outputs are (rows, `width`), unpadded, in the sentences' own order. `between_batches` is
    called while they are computed, and may end that by raising; so may `before_all`, called before
    anything is computed for all sentences.
    """

    replay: LayerReplay
    sentences: Sentences
    width: int
    between_batches: Callable[[], None] = lambda: None
    before_all: Callable[[], None] = lambda: None

    def layout(self, depth: int) -> Layout:
        """Which tokens' outputs are stored at a depth: at the full depth only heads read them."""
        return self.sentences.for_heads if depth == self.replay.layers else self.sentences.entire

    def gather(
        self, outputs: StoredRows, depth: int, input_ids: Tensor, attention_mask: Tensor
    ) -> Tensor:
        """What enters `depth` for a batch: (batch, tokens, hidden), as `Sentences.gather`."""
        return self.sentences.gather(outputs, self.layout(depth), input_ids, attention_mask)

    def stored(self, depth: int, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Which tokens of a batch are stored at `depth`: (batch, tokens), bool."""
        return self.sentences.stored(self.layout(depth), input_ids, attention_mask)

    def one_by_one(self, depth: int, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """As `gather`, but computed now, each sentence by itself; zeros where there is padding."""
        found = torch.zeros(*input_ids.shape, self.width)
        for row, length in enumerate(attention_mask.sum(1).tolist()):
            alone = slice(row, row + 1), slice(length)
            captured = self._captured([depth], input_ids[alone], attention_mask[alone])
            found[alone] = captured[depth]
        return found

    def bytes_at(self, depths: Sequence[int]) -> int:
        """The room that outputs at these depths take."""
        return sum(self.layout(depth).rows for depth in depths) * self.width * 4

    def in_memory(self, depths: Sequence[int]) -> dict[int, StoredRows]:
        """Outputs by depth, held by this process alone."""
        found = {depth: torch.empty(self._shape(depth)) for depth in depths}
        self._compute({depth: _fill(outputs) for depth, outputs in found.items()})
        return {depth: StoredRows(outputs) for depth, outputs in found.items()}

    def passing(self, depths: Sequence[int], store: PrefixStore) -> dict[int, StoredRows]:
        """Outputs by depth, in files of the store's folder that nobody else finds.

        Raises OSError where the store's folder cannot be written.
        """
        with ExitStack() as opened:
            drafts = {d: opened.enter_context(store.passing(self._shape(d))) for d in depths}
            self._compute({depth: draft.append for depth, draft in drafts.items()})
        return {depth: draft.rows for depth, draft in drafts.items() if draft.rows is not None}

    def kept(
        self,
        keys: Mapping[int, str],
        store: PrefixStore,
        also: Callable[[], Mapping[int, str]] = dict,
    ) -> dict[int, StoredRows]:
        """Outputs by depth, from the store.

        What is not there, or differs from what one batch gives now, is computed and stored; with
        it, in the same pass, what others will ask for and is not there: `also`, which is called
        before such a pass alone. Raises OSError where the store's folder cannot be written.
        """
        here = self._read(store, keys)
        if here and not self.are_still(here):
            for depth in here:
                store.forget(keys[depth])
            here = {}
        missing = {depth: key for depth, key in keys.items() if depth not in here}
        if missing:
            others = {d: key for d, key in also().items() if not store.holds(key)}
            self._write(store, missing | others)
            here |= self._read(store, missing)
        if len(here) < len(keys):
            raise OSError("an entry was gone as soon as it was written")
        return here

    def are_still(self, outputs: Mapping[int, StoredRows]) -> bool:
        """Whether one fixed batch, run again now, gives these outputs to the bit."""
        input_ids, mask = self.sentences.middle_batch()
        again = self._captured(sorted(outputs), input_ids, mask)

        def is_still(depth: int, rows: StoredRows) -> bool:
            here = self.stored(depth, input_ids, mask)
            return torch.equal(again[depth][here], self.gather(rows, depth, input_ids, mask)[here])

        return all(is_still(depth, rows) for depth, rows in outputs.items())

    def _shape(self, depth: int) -> tuple[int, int]:
        return self.layout(depth).rows, self.width

    def _read(self, store: PrefixStore, keys: Mapping[int, str]) -> dict[int, StoredRows]:
        found = {depth: store.read(key, self._shape(depth)) for depth, key in keys.items()}
        return {depth: rows for depth, rows in found.items() if rows is not None}

    def _write(self, store: PrefixStore, keys: Mapping[int, str]) -> None:
        with ExitStack() as opened:
            drafts = {
                depth: opened.enter_context(store.writing(key, self._shape(depth)))
                for depth, key in keys.items()
            }
            self._compute({depth: draft.append for depth, draft in drafts.items()})

    def _compute(self, appends: Mapping[int, Append]) -> None:
        """Hand what enters each depth to that depth's `append`, batch by batch."""
        self.before_all()
        for input_ids, mask in self.sentences.batches():
            self.between_batches()
            for depth, hidden in self._captured(sorted(appends), input_ids, mask).items():
                appends[depth](hidden[self.stored(depth, input_ids, mask)])

    def _captured(
        self, depths: Sequence[int], input_ids: Tensor, attention_mask: Tensor
    ) -> dict[int, Tensor]:
        """As `LayerReplay.capture`, for a batch on the CPU and with outputs there."""
        device = self.replay.device
        found = self.replay.capture(depths, input_ids.to(device), attention_mask.to(device))
        return {depth: hidden.cpu() for depth, hidden in found.items()}


def _fill(outputs: Tensor) -> Append:
    filled = 0

    def append(rows: Tensor) -> None:
        nonlocal filled
        outputs[filled : filled + len(rows)] = rows
        filled += len(rows)

    return append
