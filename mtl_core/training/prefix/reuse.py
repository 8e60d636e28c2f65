"""The frozen part of a model, run once for each sentence instead of on every step."""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import torch
from torch import Tensor

from mtl_core.errors import FreezeBroken, UnsupportedArchitecture
from mtl_core.freezing.table import ParameterTable
from mtl_core.models.architecture import one_line
from mtl_core.models.replay import LayerReplay
from mtl_core.settings import PREFIX_MEMORY_BYTES
from mtl_core.tasks.task import TaskKind
from mtl_core.training.backbone_passes import BackbonePasses
from mtl_core.training.batches import Batch
from mtl_core.training.events import PrefixReuse
from mtl_core.training.loaded_run import Setting
from mtl_core.training.losses import states_at
from mtl_core.training.prefix.check import difference
from mtl_core.training.prefix.comparison_depths import depths_beside
from mtl_core.training.prefix.layout import Sentences
from mtl_core.training.prefix.outputs import FrozenOutputs, entry_key
from mtl_core.training.prefix.plan import PhasePrefix, phase_prefixes
from mtl_core.training.prefix.rows import StoredRows
from mtl_core.training.prefix.store import PrefixStore
from mtl_core.training.spec import RunSpec

_OFF_BY_CHOICE = "it was switched off for this run"
_NO_ROOM = (
    "what the frozen layers give has no room on disk (FREEZE_LAB_CACHE_BYTES) "
    "nor in memory (FREEZE_LAB_PREFIX_MEMORY_BYTES)"
)
_log = logging.getLogger(__name__)


class ReusedPrefix:
    """A model that, in each phase, runs no more than what lies above its frozen prefix.

    `enter` is called at each phase's start, after the phase was applied to the model; then
    `hidden` and `states_at` give what the backbone gives. `store` keeps the outputs for later
    runs; without one they live as long as this. `between_batches` is called while outputs are
    computed, and may end that by raising. Where a pass over the checkpoint's own layers has to be
    made, it stores for the runs `beside` this one as well, a comparison's others.
    """

    def __init__(
        self,
        setting: Setting,
        store: PrefixStore | None = None,
        between_batches: Callable[[], None] = lambda: None,
        beside: Sequence[RunSpec] = (),
    ) -> None:
        self._setting, self._store, self._between_batches = setting, store, between_batches
        self._model, self._beside = setting.model, beside
        self._layers = setting.description.backbone.layers
        self._choices = phase_prefixes(
            setting.tables, setting.steps, self._layers, setting.steps_per_epoch
        )
        self._original: dict[int, StoredRows] = {}
        self._passes = BackbonePasses(setting)
        self._depth: int | None = None
        self._tried: int | None = None
        self._outputs: StoredRows | None = None
        self._told: dict[int, PrefixReuse] = {}

    def enter(self, table: ParameterTable) -> PrefixReuse:
        """Prepare a phase; what it reuses, or why it reuses nothing."""
        number = table.phase_number
        if number not in self._told:
            self._depth, self._outputs = None, None
            reason = self._prepare(self._choices[number - 1])
            stored = 0 if self._outputs is None else self._outputs.nbytes
            self._told[number] = PrefixReuse(
                from_layer=self._depth, layers=self._layers, stored_bytes=stored, reason=reason
            )
        return self._told[number]

    @property
    def packs(self) -> bool:
        """Whether this architecture takes several batches in one pass, as `packed_states_at` does.

        By the architecture alone, so that a run with and without reuse takes the same steps.
        """
        return self._passes.packs

    def hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The last hidden state of a batch: (batch, tokens, hidden), float32, on the run's device.

        The token ids and the mask are on the CPU, as batches are made. Where only heads learn, a
        sentence that no token head reads has its first token's state at every place.
        """
        if self._depth is None or self._outputs is None:
            return self._passes.hidden(input_ids, attention_mask)
        device, frozen = self._model.backbone.device, self._frozen
        found = frozen.gather(self._outputs, self._depth, input_ids, attention_mask).to(device)
        if self._depth == self._layers:
            return found
        with frozen.replay.resuming(self._depth, found):
            return self._passes.hidden(input_ids, attention_mask)

    def states_at(self, batch: Batch, positions: Tensor) -> Tensor:
        """The last hidden state of a batch at some positions: (n, hidden), as `hidden` gives it.

        `positions`: (n,), counted through the batch.
        """
        if self._depth == self._layers:
            return states_at(self.hidden(batch.input_ids, batch.attention_mask), positions)
        return self._passes.narrowed(
            lambda: self.hidden(batch.input_ids, batch.attention_mask), positions
        )

    def packed_states_at(self, batches: Sequence[Batch], positions: Tensor) -> Tensor:
        """The same of several batches in one pass; `positions` are counted through all of them.

        Only where the architecture `packs`, in a phase in which more than the heads learn.
        """
        return self._passes.narrowed(lambda: self._packed_hidden(batches), positions)

    def whole_states_at(self, batch: Batch, positions: Tensor) -> Tensor:
        """As `states_at`, for any sentences, also such of which nothing is stored: every layer
        runs."""
        return self._passes.narrowed(
            lambda: self._passes.hidden(batch.input_ids, batch.attention_mask), positions
        )

    def _packed_hidden(self, batches: Sequence[Batch]) -> Tensor:
        """The last hidden state of all batches, one after another: (1, tokens, hidden)."""
        padded = [(each.input_ids, each.attention_mask) for each in batches]
        if self._depth is None or self._outputs is None:
            return self._passes.packed(padded)
        frozen = self._frozen
        found = [frozen.gather(self._outputs, self._depth, *each) for each in padded]
        rows = torch.cat([each.flatten(0, 1) for each in found])[None]
        with frozen.replay.resuming(self._depth, rows.to(self._model.backbone.device)):
            return self._passes.packed(padded)

    def verify(self) -> None:
        """Run a sample of what this phase reused again, to the bit.

        Raises FreezeBroken where a number is not what was stored: something below had moved.
        """
        if self._depth is None or self._outputs is None:
            return
        if not self._frozen.are_still({self._depth: self._outputs}):
            raise FreezeBroken(
                f"The frozen layers below layer {self._depth} no longer give what was stored when "
                "the phase began. This is a fault of Freeze Lab; the run's result cannot be "
                "trusted."
            )

    @cached_property
    def _frozen(self) -> FrozenOutputs:
        """Made where a phase reuses something, and not else."""
        setting, backbone = self._setting, self._model.backbone
        examples = (*setting.training, *setting.validation.examples)
        by_token = {each.name for each in setting.spec.tasks if each.kind is TaskKind.TOKEN}
        everything = {each.input_ids for each in examples}
        tagged = {each.input_ids for each in examples if not by_token.isdisjoint(each.labels)}
        return FrozenOutputs(
            replay=LayerReplay(backbone),
            sentences=Sentences(everything, setting.pad_id, everything - tagged),
            width=backbone.config.hidden_size,
            between_batches=self._between_batches,
            before_all=self._find_out_early,
        )

    def _find_out_early(self) -> None:
        """Before a pass over all sentences: raises UnsupportedArchitecture where it would be in
        vain, told by a few sentences."""
        if self._tried is not None:
            wrong = difference(self._model.backbone, self._frozen, self._tried)
            if wrong is not None:
                raise UnsupportedArchitecture(wrong)

    def _prepare(self, choice: PhasePrefix) -> str | None:
        """Take up what `choice` allows; else say why not."""
        if not self._setting.spec.prefix_reuse:
            return _OFF_BY_CHOICE
        if choice.depth is None:
            return choice.reason
        self._tried = choice.depth
        try:
            outputs = self._outputs_at(choice.depth, choice.original)
        except UnsupportedArchitecture as problem:
            return one_line(problem).rstrip(".")
        if outputs is None:
            return _NO_ROOM
        wrong = difference(self._model.backbone, self._frozen, choice.depth, outputs)
        if wrong is None:
            self._depth, self._outputs = choice.depth, outputs
        return wrong

    def _outputs_at(self, depth: int, original: bool) -> StoredRows | None:
        """What enters `depth`; None where it has no room.

        The checkpoint's own are found for all phases in one pass.
        """
        if not original:
            return self._held([depth]).get(depth)
        if depth not in self._original:
            choices = (each for each in self._choices if each.original)
            depths = sorted({each.depth for each in choices if each.depth is not None})
            self._original = self._kept(depths) or self._held(depths)
        return self._original.get(depth)

    def _kept(self, depths: list[int]) -> dict[int, StoredRows]:
        """Outputs by depth from the store; empty where it cannot hold them."""
        frozen, store = self._frozen, self._store
        if store is None or frozen.bytes_at(depths) > store.limit_bytes:
            return {}
        keys = self._keys(depths)
        return _unless_disk_fails(
            lambda: frozen.kept(keys, store, lambda: self._also(depths, store.limit_bytes))
        )

    def _also(self, depths: list[int], limit_bytes: int) -> dict[int, str]:
        """What the runs beside this one will read besides, where all of it has room."""
        also = depths_beside(self._setting, self._beside).difference(depths)
        has_room = self._frozen.bytes_at([*depths, *also]) <= limit_bytes
        return self._keys(also) if has_room else {}

    def _keys(self, depths: Iterable[int]) -> dict[int, str]:
        frozen, backbone = self._frozen, self._model.backbone
        digest = self._setting.spec.weights_digest or ""
        return {
            each: entry_key(frozen.sentences, frozen.layout(each), each, backbone, digest)
            for each in depths
        }

    def _held(self, depths: list[int]) -> dict[int, StoredRows]:
        """Outputs by depth for this run alone, in memory or else on disk; empty without room."""
        frozen, store = self._frozen, self._store
        size = frozen.bytes_at(depths)
        if size <= (PREFIX_MEMORY_BYTES if store is None else store.memory_bytes):
            return frozen.in_memory(depths)
        if store is None or size > store.limit_bytes:
            return {}
        return _unless_disk_fails(lambda: frozen.passing(depths, store))


def _unless_disk_fails(compute: Callable[[], dict[int, StoredRows]]) -> dict[int, StoredRows]:
    try:
        return compute()
    except OSError as problem:
        _log.warning("Outputs of frozen layers cannot be kept: %s", problem)
        return {}
