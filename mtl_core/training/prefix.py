"""The frozen part of a model, run once for each sentence instead of on every step."""

import logging
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mtl_core.errors import FreezeBroken, UnsupportedArchitecture
from mtl_core.freezing.table import ParameterTable
from mtl_core.models.architecture import one_line
from mtl_core.models.narrowing import NarrowedTop
from mtl_core.models.replay import LayerReplay
from mtl_core.settings import PREFIX_MEMORY_BYTES
from mtl_core.tasks.task import TaskKind
from mtl_core.training.batches import Batch, collate
from mtl_core.training.device import computing_in, random_numbers
from mtl_core.training.events import PrefixReuse
from mtl_core.training.losses import states_at
from mtl_core.training.prefix_order import Sentences
from mtl_core.training.prefix_outputs import FrozenOutputs, entry_key
from mtl_core.training.prefix_plan import PhasePrefix, phase_prefixes
from mtl_core.training.prefix_rows import StoredRows
from mtl_core.training.prefix_store import PrefixStore
from mtl_core.training.setting import Setting

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TOLERANCE = 1e-5
"""How far a replayed hidden state may be from the whole model's, in parts of its largest value."""

_CHECKED_SENTENCES = 8
_TRIED_SENTENCES = 4
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
    computed, and may end that by raising.
    """

    def __init__(
        self,
        setting: Setting,
        store: PrefixStore | None = None,
        between_batches: Callable[[], None] = lambda: None,
    ) -> None:
        self._setting, self._store, self._between_batches = setting, store, between_batches
        self._model = setting.model
        self._layers = setting.description.backbone.layers
        self._choices = phase_prefixes(
            setting.tables, setting.steps, self._layers, setting.steps_per_epoch
        )
        self._original: dict[int, StoredRows] = {}
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

    def hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The last hidden state of a batch: (batch, tokens, hidden), float32, on the run's device.

        The token ids and the mask are on the CPU, as batches are made. Where only heads learn, a
        sentence that no token head reads has its first token's state at every place.
        """
        if self._depth is None or self._outputs is None:
            return self._whole(input_ids, attention_mask)
        device = self._model.backbone.device
        ids, mask = input_ids.to(device), attention_mask.to(device)
        with computing_in(self._setting.spec.precision, device):
            frozen = self._frozen
            found = frozen.gather(self._outputs, self._depth, input_ids, attention_mask)
            return frozen.replay.resume(self._depth, found.to(device), ids, mask).float()

    def states_at(self, batch: Batch, positions: Tensor) -> Tensor:
        """The last hidden state of a batch at some positions: (n, hidden), as `hidden` gives it.

        `positions`: (n,), counted through the batch. What follows attention in the last layer runs
        at these alone, where the architecture has it so.
        """
        if self._depth == self._layers:
            return states_at(self.hidden(batch.input_ids, batch.attention_mask), positions)
        return self._at(self.hidden, batch, positions)

    def whole_states_at(self, batch: Batch, positions: Tensor) -> Tensor:
        """The same for any sentences, also such of which nothing is stored: every layer runs."""
        return self._at(self._whole, batch, positions)

    def _at(
        self, run: Callable[[Tensor, Tensor], Tensor], batch: Batch, positions: Tensor
    ) -> Tensor:
        places = positions.to(self._model.backbone.device)
        if not len(places):
            return states_at(run(batch.input_ids, batch.attention_mask), places)
        with self._top.reading(places) as narrowed:
            hidden = run(batch.input_ids, batch.attention_mask)
        return hidden[0] if narrowed.happened else states_at(hidden, places)

    def _whole(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        with computing_in(self._setting.spec.precision, self._model.backbone.device):
            return self._model.hidden(input_ids, attention_mask).float()

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
    def _top(self) -> NarrowedTop:
        """Found when the first step or evaluation asks, on a few of the training sentences."""
        setting, device = self._setting, self._model.backbone.device
        few = collate(setting.training[:_TRIED_SENTENCES], setting.spec.tasks, setting.pad_id)
        return NarrowedTop(
            self._model.backbone, few.input_ids.to(device), few.attention_mask.to(device)
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
        frozen, store, backbone = self._frozen, self._store, self._model.backbone
        if store is None or frozen.bytes_at(depths) > store.limit_bytes:
            return {}
        digest = self._setting.spec.weights_digest or ""
        keys = {
            each: entry_key(frozen.sentences, frozen.layout(each), each, backbone, digest)
            for each in depths
        }
        return _unless_disk_fails(lambda: frozen.kept(keys, store))

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


def difference(
    backbone: "PreTrainedModel",
    frozen: FrozenOutputs,
    depth: int,
    outputs: StoredRows | None = None,
) -> str | None:
    """What is wrong with replaying from `depth`, told by one real padded batch; None: nothing.

    Without stored `outputs` those of that batch's sentences are computed.

    The backbone is run as it stands, with the dropout of the layers that learn: both ways draw
    from the same random numbers, and must leave the generator in the same place.
    """
    input_ids, mask = frozen.sentences.mixed_batch(_CHECKED_SENTENCES)
    ids, shown = input_ids.to(backbone.device), mask.to(backbone.device)
    hidden = (
        frozen.one_by_one(depth, input_ids, mask)
        if outputs is None
        else frozen.gather(outputs, depth, input_ids, mask)
    ).to(backbone.device)
    random, here = random_numbers(backbone.device), [backbone.device]
    with torch.no_grad(), torch.random.fork_rng(devices=here if ids.is_cuda else []):
        start = random.get_rng_state()
        whole = backbone(input_ids=ids, attention_mask=shown).last_hidden_state
        after_whole = random.get_rng_state()
        random.set_rng_state(start)
        try:
            replayed = frozen.replay.resume(depth, hidden, ids, shown)
        except Exception as problem:  # whatever a foreign forward pass raises
            return f"this architecture does not run from layer {depth} alone: {one_line(problem)}"
        after_replay = random.get_rng_state()
    if not torch.equal(after_whole, after_replay):
        return f"the frozen part below layer {depth} draws random numbers in this architecture"
    # Above stored tokens without their sentences nothing runs, so no others can come out wrong.
    real = frozen.stored(depth, input_ids, mask)
    apart = (whole - replayed).cpu()[real].abs().max() / whole.cpu()[real].abs().max()
    if not apart <= TOLERANCE:
        return (
            f"from layer {depth} alone this architecture answers otherwise "
            f"(by {apart:.1g}, at most {TOLERANCE:.0e} is rounding)"
        )
    return None
