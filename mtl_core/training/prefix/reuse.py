"""Runs the frozen part of a model once per sentence instead of on every step."""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mtl_core.errors import FreezeBroken, UnsupportedArchitecture
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.description import Role
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.models.transfer import to_device
from mtl_core.settings import PREFIX_MEMORY_BYTES
from mtl_core.tasks.task import TaskKind
from mtl_core.text import one_line
from mtl_core.training.backbone_passes import BackbonePasses
from mtl_core.training.batches import Batch
from mtl_core.training.device import random_state_module
from mtl_core.training.events import PrefixReuse
from mtl_core.training.loaded_run import LoadedRun
from mtl_core.training.losses import states_at
from mtl_core.training.prefix.layout import Sentences
from mtl_core.training.prefix.outputs import FrozenOutputs, entry_key
from mtl_core.training.prefix.plan import (
    PhasePrefix,
    depths_read_by,
    phase_prefixes,
    read_sentences,
)
from mtl_core.training.prefix.store import PrefixStore, StoredRows
from mtl_core.training.spec import RunSpec
from mtl_core.training.starting import Stages

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TOLERANCE = 1e-5
"""Largest accepted difference of a replayed hidden state, relative to the largest value."""

_CHECKED_SENTENCES = 8
_SWITCHED_OFF = "it was switched off for this run"
_RANDOM = "dropout is on in frozen layers, so their outputs differ on every step"
_NO_ROOM = (
    "the outputs of the frozen layers fit neither on disk (FREEZE_LAB_CACHE_BYTES) "
    "nor in memory (FREEZE_LAB_PREFIX_MEMORY_BYTES)"
)
_log = logging.getLogger(__name__)


class ReusedPrefix:
    """The backbone of a run; in each phase it computes only what lies above the frozen prefix.

    Call `enter` at the start of each phase, after the phase was applied to the model. `hidden` and
    `states_at` then return what the backbone would. `store` holds outputs for later runs; without
    it they live as long as this object. `between_batches` is called while outputs are computed,
    and may stop that by raising. A pass over the checkpoint's layers also stores the outputs that
    `other_runs` of the same comparison will read. `stages` reports the progress of a pass.
    """

    def __init__(
        self,
        loaded: LoadedRun,
        store: PrefixStore | None = None,
        between_batches: Callable[[], None] = lambda: None,
        other_runs: Sequence[RunSpec] = (),
        stages: Stages | None = None,
    ) -> None:
        self._loaded, self._store, self._between_batches = loaded, store, between_batches
        self._stages = stages or Stages()
        self._model, self._other_runs = loaded.model, other_runs
        self._layers = loaded.description.backbone.layers
        self._choices = phase_prefixes(
            loaded.tables, loaded.steps, self._layers, read_sentences(loaded)
        )
        self._original: dict[int, StoredRows] = {}
        self._passes = BackbonePasses(loaded)
        self._depth: int | None = None
        self._candidate: int | None = None
        self._outputs: StoredRows | None = None
        self._pooler_learns = False
        self._by_phase: dict[int, PrefixReuse] = {}

    def enter(self, table: ParameterTable) -> PrefixReuse:
        """Prepare a phase; return what it reuses, or why it reuses nothing."""
        number = table.phase_number
        self._pooler_learns = any(
            row.role is Role.POOLER and row.state is State.TRAINABLE for row in table.rows
        )
        if number not in self._by_phase:
            self._depth, self._outputs = None, None
            reason = self._prepare(self._choices[number - 1])
            stored = 0 if self._outputs is None else self._outputs.nbytes
            self._by_phase[number] = PrefixReuse(
                from_layer=self._depth, layers=self._layers, stored_bytes=stored, reason=reason
            )
        return self._by_phase[number]

    @property
    def at_heads(self) -> bool:
        """Whether only heads run in the current phase: the outputs of all below are stored."""
        return self._depth == self._layers and not self._pooler_learns

    @property
    def depth(self) -> int:
        """The lowest layer that runs in the current phase; 0: all of them run."""
        return self._depth or 0

    @property
    def memory_bytes(self) -> int:
        """How much memory outputs may use."""
        return PREFIX_MEMORY_BYTES if self._store is None else self._store.memory_bytes

    @property
    def packs(self) -> bool:
        """Whether this architecture supports `packed_states_at`.

        This depends on the architecture alone, so a run takes the same steps with and without
        prefix reuse.
        """
        return self._passes.packs

    def fit_one_pass(self, batches: Sequence[Batch]) -> bool:
        """Whether `packed_states_at` supports these batches; that depends on their sentences."""
        return self._passes.fit_one_pass([(b.input_ids, b.attention_mask) for b in batches])

    def hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the last hidden state: (batch, tokens, hidden), float32, on the run's device.

        Token ids and mask are on the CPU. Where no layer learns, a sentence that no token head
        reads has the one state that is stored, its first token or its mean, at every position.
        """
        if self._depth is None or self._outputs is None:
            return self._passes.hidden(input_ids, attention_mask)
        device, frozen = self._loaded.spec.device, self._frozen
        stored = frozen.gather(self._outputs, self._depth, input_ids, attention_mask)
        found = to_device(stored, device)
        if self._depth == self._layers:
            return found
        with frozen.replay.resuming(self._depth, found):
            return self._passes.hidden(input_ids, attention_mask)

    def states_at(self, batch: Batch, positions: Tensor) -> Tensor:
        """Return the last hidden state at some positions of a batch: (n, hidden).

        `positions`: (n,), counted through the batch.
        """
        if self._depth == self._layers:
            return states_at(self.hidden(batch.input_ids, batch.attention_mask), positions)
        return self._passes.narrowed(
            lambda: self.hidden(batch.input_ids, batch.attention_mask), positions
        )

    def packed_states_at(self, batches: Sequence[Batch], positions: Tensor) -> Tensor:
        """As `states_at`, for several batches in one pass; positions count through all of them.

        Requires `fit_one_pass`, and a phase in which more than the heads learns.
        """
        return self._passes.narrowed(lambda: self._packed_hidden(batches), positions)

    def whole_states_at(self, batch: Batch, positions: Tensor) -> Tensor:
        """As `states_at`, for any sentences: every layer runs, and nothing stored is read."""
        return self._passes.narrowed(
            lambda: self._passes.hidden(batch.input_ids, batch.attention_mask), positions
        )

    def verify(self) -> None:
        """Compute a sample of the reused outputs again and compare it to the bit.

        Raises FreezeBroken if a number differs, because a layer below has then changed. Without a
        backbone that was built, no layer has run, and there is nothing to verify.
        """
        if self._depth is None or self._outputs is None or not self._model.has_built_backbone:
            return
        if not self._frozen.are_current({self._depth: self._outputs}):
            raise FreezeBroken(
                f"The outputs of the frozen layers below layer {self._depth} differ from those "
                "stored when the phase began. This is a fault of Freeze Lab; the run's result "
                "cannot be trusted."
            )

    def _packed_hidden(self, batches: Sequence[Batch]) -> Tensor:
        """Return the last hidden state of all batches, concatenated: (1, tokens, hidden)."""
        padded = [(each.input_ids, each.attention_mask) for each in batches]
        if self._depth is None or self._outputs is None:
            return self._passes.packed(padded)
        frozen = self._frozen
        found = [frozen.gather(self._outputs, self._depth, *each) for each in padded]
        rows = torch.cat([each.flatten(0, 1) for each in found])[None]
        with frozen.replay.resuming(self._depth, to_device(rows, self._model.backbone.device)):
            return self._passes.packed(padded)

    @cached_property
    def _frozen(self) -> FrozenOutputs:
        """The outputs of this run's sentences; created when the first phase reuses something."""
        loaded, described = self._loaded, self._loaded.description.backbone
        examples = (*loaded.training, *loaded.evaluated)
        by_token = {each.name for each in loaded.spec.tasks if each.kind is TaskKind.TOKEN}
        everything = {each.input_ids for each in examples}
        tagged = {each.input_ids for each in examples if not by_token.isdisjoint(each.labels)}
        return FrozenOutputs(
            backbone=lambda: self._model.backbone,
            layers=self._layers,
            sentences=Sentences(
                everything,
                loaded.pad_id,
                everything - tagged,
                means=loaded.spec.sentence_vector is SentenceVector.MEAN,
            ),
            width=described.hidden_size,
            between_batches=self._between_batches,
            before_all=self._check_candidate,
            stages=self._stages,
        )

    def _check_candidate(self) -> None:
        """Check the candidate depth on a few sentences before a pass over all of them.

        Raises UnsupportedArchitecture if the pass would be useless.
        """
        if self._candidate is not None:
            problem = replay_problem(self._model.backbone, self._frozen, self._candidate)
            if problem is not None:
                raise UnsupportedArchitecture(problem)

    def _prepare(self, choice: PhasePrefix) -> str | None:
        """Load or compute the outputs that `choice` allows; return why none are reused."""
        if not self._loaded.spec.prefix_reuse:
            return _SWITCHED_OFF
        if not self._loaded.spec.reuses_prefix:
            return _RANDOM
        if choice.depth is None:
            return choice.reason
        if self._model.padding_problem is not None:
            return self._model.padding_problem
        self._candidate = choice.depth
        try:
            outputs = self._outputs_at(choice.depth, choice.original)
        except UnsupportedArchitecture as problem:
            return one_line(problem).rstrip(".")
        if outputs is None:
            return _NO_ROOM
        reason = None
        if self._model.has_built_backbone:
            reason = replay_problem(self._model.backbone, self._frozen, choice.depth, outputs)
        if reason is None:
            self._depth, self._outputs = choice.depth, outputs
        return reason

    def _outputs_at(self, depth: int, original: bool) -> StoredRows | None:
        """Return the inputs of `depth`; None if they fit nowhere.

        The checkpoint's are found for all phases in one pass.
        """
        if not original:
            return self._for_this_run([depth]).get(depth)
        if depth not in self._original:
            choices = (each for each in self._choices if each.original)
            depths = sorted({each.depth for each in choices if each.depth is not None})
            self._original = self._from_store(depths) or self._for_this_run(depths)
        return self._original.get(depth)

    def _from_store(self, depths: list[int]) -> dict[int, StoredRows]:
        """Return outputs by depth from the store; empty if they do not fit."""
        frozen, store = self._frozen, self._store
        if store is None or frozen.bytes_at(depths) > store.limit_bytes:
            return {}
        keys, compare = self._keys(depths), self._model.has_built_backbone
        return _empty_on_disk_error(
            lambda: frozen.from_store(
                keys, store, lambda: self._also(depths, store.limit_bytes), compare=compare
            )
        )

    def _also(self, depths: list[int], limit_bytes: int) -> dict[int, str]:
        """Return the keys that other runs of the comparison will read too, if all of it fits."""
        also = depths_read_by(self._other_runs, self._loaded).difference(depths)
        has_room = self._frozen.bytes_at([*depths, *also]) <= limit_bytes
        return self._keys(also) if has_room else {}

    def _keys(self, depths: Iterable[int]) -> dict[int, str]:
        frozen, spec = self._frozen, self._loaded.spec
        config, device = self._model.config, torch.device(spec.device)
        digest = spec.weights_digest or ""
        return {
            each: entry_key(frozen.sentences, frozen.layout(each), each, config, device, digest)
            for each in depths
        }

    def _for_this_run(self, depths: list[int]) -> dict[int, StoredRows]:
        """Return outputs by depth for this run alone, in memory or on disk; empty without room."""
        frozen, store = self._frozen, self._store
        size = frozen.bytes_at(depths)
        if size <= self.memory_bytes:
            return frozen.in_memory(depths)
        if store is None or size > store.limit_bytes:
            return {}
        return _empty_on_disk_error(lambda: frozen.in_temporary_files(depths, store))


def replay_problem(
    backbone: "PreTrainedModel",
    frozen: FrozenOutputs,
    depth: int,
    outputs: StoredRows | None = None,
) -> str | None:
    """Compare a replay from `depth` with the whole model on one padded batch of real sentences.

    Returns what is wrong, or None. Without stored `outputs` those of the batch are computed. The
    backbone runs in its current mode, with dropout in the layers that learn: both ways must draw
    the same random numbers and leave the generator in the same state.
    """
    input_ids, mask = frozen.sentences.mixed_batch(_CHECKED_SENTENCES)
    ids, shown = (to_device(each, backbone.device) for each in (input_ids, mask))
    hidden = (
        frozen.one_by_one(depth, input_ids, mask)
        if outputs is None
        else frozen.gather(outputs, depth, input_ids, mask)
    ).to(backbone.device)
    random, devices = random_state_module(backbone.device), [backbone.device]
    with torch.no_grad(), torch.random.fork_rng(devices=devices if ids.is_cuda else []):
        start = random.get_rng_state()
        whole = backbone(input_ids=ids, attention_mask=shown).last_hidden_state
        after_whole = random.get_rng_state()
        random.set_rng_state(start)
        try:
            replayed = frozen.replay.resume(depth, hidden, ids, shown)
        except Exception as problem:  # any exception of a third-party forward pass
            return f"this architecture does not run from layer {depth} alone: {one_line(problem)}"
        after_replay = random.get_rng_state()
    if not torch.equal(after_whole, after_replay):
        return f"the frozen part below layer {depth} draws random numbers in this architecture"
    # Where only one state is stored, no layer runs above it, so the others cannot be wrong.
    real = frozen.stored_mask(depth, input_ids, mask)
    expected = frozen.as_stored(depth, whole.cpu(), input_ids, mask)[real]
    apart = (expected - replayed.cpu()[real]).abs().max() / expected.abs().max()
    if not apart <= TOLERANCE:
        return (
            f"from layer {depth} alone this architecture gives other outputs "
            f"(by {apart:.1g}, rounding explains at most {TOLERANCE:.0e})"
        )
    return None


def _empty_on_disk_error(compute: Callable[[], dict[int, StoredRows]]) -> dict[int, StoredRows]:
    try:
        return compute()
    except OSError as problem:
        _log.warning("Outputs of frozen layers cannot be stored: %s", problem)
        return {}
