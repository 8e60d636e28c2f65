"""Computes the outputs of frozen layers once per sentence, and stores and loads them."""

import hashlib
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mtl_core.models.matrix_products import processor_name, products_in_use
from mtl_core.models.replay import LayerReplay
from mtl_core.training.prefix.layout import Layout, Sentences
from mtl_core.training.prefix.store import PrefixStore, StoredRows
from mtl_core.training.starting import Stage, Stages

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

_FORMAT = 3
"""Version of the entries; increase it when the stored numbers or their computation change."""

Append = Callable[[Tensor], None]


def entry_key(
    sentences: Sentences,
    layout: Layout,
    depth: int,
    config: "PreTrainedConfig",
    device: torch.device,
    weights_digest: str,
) -> str:
    """Return the SHA-256 of everything that determines the stored numbers to the bit.

    The token ids stand for data, tokenizer and maximum length. Threads, versions and the processor
    are included, because each changes how sums are rounded. The implementation of attention follows
    from configuration and versions; all weights are loaded in float32.
    """
    described = config.to_dict()
    for irrelevant in ("_name_or_path", "transformers_version", "dtype"):
        described.pop(irrelevant, None)
    facts = {
        "format": _FORMAT,
        "weights": weights_digest,
        "config": described,
        "sentences": sentences.digest,
        "rows": layout.digest,
        "depth": depth,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "products": products_in_use(),
        "machine": _processor(device),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def _processor(device: torch.device) -> list[str]:
    """Identify the kind of processor; two of the same kind round in the same way."""
    if device.type == "cuda":
        return ["cuda", torch.cuda.get_device_name(device), torch.version.cuda or ""]
    if device.type == "mps":
        return ["mps", platform.machine(), platform.mac_ver()[0]]
    return [platform.machine(), torch.backends.cpu.get_cpu_capability(), processor_name()]


@dataclass(frozen=True)
class FrozenOutputs:
    """Outputs of a backbone's layers for some sentences, at any depth.

    Outputs are (rows, `width`), unpadded, in the order of `sentences`. While they are computed,
    `between_batches` is called, and may stop it by raising. So may `before_all`, which is called
    before a pass over all sentences. `layers` is the number of layers of the backbone, which
    `backbone` returns when a pass is needed. `stages` reports the progress of a pass.
    """

    backbone: Callable[[], "PreTrainedModel"]
    layers: int
    sentences: Sentences
    width: int
    between_batches: Callable[[], None] = lambda: None
    before_all: Callable[[], None] = lambda: None
    stages: Stages = field(default_factory=Stages)

    @cached_property
    def replay(self) -> LayerReplay:
        """The backbone, whose passes can stop and resume between layers."""
        return LayerReplay(self.backbone())

    def layout(self, depth: int) -> Layout:
        """Return which tokens' outputs are stored at a depth; at full depth only heads read."""
        return self.sentences.for_heads if depth == self.layers else self.sentences.entire

    def gather(
        self, outputs: StoredRows, depth: int, input_ids: Tensor, attention_mask: Tensor
    ) -> Tensor:
        """Look up the input of `depth` for a batch: (batch, tokens, hidden)."""
        return self.sentences.gather(outputs, self.layout(depth), input_ids, attention_mask)

    def stored_mask(self, depth: int, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Which tokens of a batch are stored at `depth`: (batch, tokens), bool."""
        return self.sentences.stored_mask(self.layout(depth), input_ids, attention_mask)

    def as_stored(
        self, depth: int, hidden: Tensor, input_ids: Tensor, attention_mask: Tensor
    ) -> Tensor:
        """Return the hidden states at `depth` with means where the mean of a sentence is stored.

        (batch, tokens, hidden), on the CPU.
        """
        return self.sentences.with_means(self.layout(depth), hidden, input_ids, attention_mask)

    def one_by_one(self, depth: int, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """As `gather`, but computed now, one sentence at a time; zeros at padding."""
        found = torch.zeros(*input_ids.shape, self.width)
        for row, length in enumerate(attention_mask.sum(1).tolist()):
            alone = slice(row, row + 1), slice(length)
            captured = self._captured([depth], input_ids[alone], attention_mask[alone])
            found[alone] = captured[depth]
        return found

    def bytes_at(self, depths: Sequence[int]) -> int:
        """Return the size of the outputs at these depths."""
        return sum(self.layout(depth).rows for depth in depths) * self.width * 4

    def in_memory(self, depths: Sequence[int]) -> dict[int, StoredRows]:
        """Compute outputs by depth and hold them in memory."""
        found = {depth: torch.empty(self._shape(depth)) for depth in depths}
        self._compute({depth: _fill(outputs) for depth, outputs in found.items()})
        return {depth: StoredRows(outputs) for depth, outputs in found.items()}

    def in_temporary_files(
        self, depths: Sequence[int], store: PrefixStore
    ) -> dict[int, StoredRows]:
        """Compute outputs by depth into temporary files in the store's folder.

        Raises OSError if the folder cannot be written.
        """
        with ExitStack() as opened:
            drafts = {d: opened.enter_context(store.temporary(self._shape(d))) for d in depths}
            self._compute({depth: draft.append for depth, draft in drafts.items()})
        return {depth: draft.rows for depth, draft in drafts.items() if draft.rows is not None}

    def from_store(
        self,
        keys: Mapping[int, str],
        store: PrefixStore,
        also: Callable[[], Mapping[int, str]] = dict,
        *,
        compare: bool = True,
    ) -> dict[int, StoredRows]:
        """Load outputs by depth from the store, computing those that are missing.

        With `compare`, stored outputs that differ from one batch computed now are replaced. A pass
        over the sentences also computes the missing ones among `also`, which other runs will read;
        `also` is called only before such a pass. Outputs that another process is computing are
        awaited; `between_batches` is called meanwhile. Raises OSError if the folder cannot be
        written.
        """
        here = self._read(store, keys)
        if compare and here and not self.are_current(here):
            for depth in here:
                store.delete(keys[depth])
            here = {}
        missing = {depth: key for depth, key in keys.items() if depth not in here}
        if missing:
            here |= self._awaited_or_computed(store, missing, also())
        if len(here) < len(keys):
            raise OSError("an entry disappeared right after it was written")
        return here

    def _awaited_or_computed(
        self, store: PrefixStore, missing: Mapping[int, str], also: Mapping[int, str]
    ) -> dict[int, StoredRows]:
        """Load outputs by depth; compute those that no other process computes now, and `also`."""
        others = {depth: key for depth, key in also.items() if not store.contains(key)}
        with store.computing([*missing.values(), *others.values()], self._while_waiting):
            here = self._read(store, missing)
            left = {depth: key for depth, key in missing.items() if depth not in here}
            if left:
                others = {depth: key for depth, key in others.items() if not store.contains(key)}
                self._write(store, left | others)
                here |= self._read(store, left)
        return here

    def are_current(self, outputs: Mapping[int, StoredRows]) -> bool:
        """Whether one fixed batch, computed again now, equals these outputs to the bit."""
        input_ids, mask = self.sentences.middle_batch()
        again = self._captured(sorted(outputs), input_ids, mask)

        def is_current(depth: int, rows: StoredRows) -> bool:
            here = self.stored_mask(depth, input_ids, mask)
            return torch.equal(again[depth][here], self.gather(rows, depth, input_ids, mask)[here])

        return all(is_current(depth, rows) for depth, rows in outputs.items())

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

    def _while_waiting(self) -> None:
        self.stages.begin(Stage.OTHER_RUN)
        self.between_batches()

    def _compute(self, appends: Mapping[int, Append]) -> None:
        """Pass the input of each depth to that depth's `append`, batch by batch."""
        done, total = 0, len(self.sentences)
        self.stages.begin(Stage.FROZEN_OUTPUTS, done, total)
        self.before_all()
        for input_ids, mask in self.sentences.batches():
            self.between_batches()
            self.stages.begin(Stage.FROZEN_OUTPUTS, done, total)
            done += len(input_ids)
            for depth, hidden in self._captured(sorted(appends), input_ids, mask).items():
                appends[depth](hidden[self.stored_mask(depth, input_ids, mask)])

    def _captured(
        self, depths: Sequence[int], input_ids: Tensor, attention_mask: Tensor
    ) -> dict[int, Tensor]:
        """As `LayerReplay.capture`, with inputs and outputs on the CPU, and means as stored."""
        device = self.replay.device
        found = self.replay.capture(depths, input_ids.to(device), attention_mask.to(device))
        return {
            depth: self.as_stored(depth, hidden.cpu(), input_ids, attention_mask)
            for depth, hidden in found.items()
        }


def _fill(outputs: Tensor) -> Append:
    """Return a function that writes rows into `outputs`, one block after another."""
    filled = 0

    def append(rows: Tensor) -> None:
        nonlocal filled
        outputs[filled : filled + len(rows)] = rows
        filled += len(rows)

    return append
