"""Forward passes of a run's backbone: one batch, several batches packed, or some positions only."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property

from torch import Tensor

from mtl_core.models.narrowing import NarrowedTop
from mtl_core.models.packing import PackedBackbone, Padded
from mtl_core.models.transfer import to_device
from mtl_core.tasks.alignment import EncodedExample
from mtl_core.training.batches import collate
from mtl_core.training.device import autocast_to
from mtl_core.training.loaded_run import LoadedRun
from mtl_core.training.losses import states_at

_SAMPLE_SENTENCES = 16


class BackbonePasses:
    """Runs the backbone of a run in the run's precision.

    What the architecture supports is tested once, on a few training sentences. Token ids and masks
    are on the CPU; states are float32, on the run's device.
    """

    def __init__(self, loaded: LoadedRun) -> None:
        self._loaded, self._model = loaded, loaded.model

    @property
    def packs(self) -> bool:
        """Whether this run can process several batches in one pass.

        With gradient checkpointing the layers of such a pass would run a second time outside it.
        """
        if self._loaded.spec.gradient_checkpointing or self._model.padding_problem is not None:
            return False
        return self._packed.packs

    def fit_one_pass(self, batches: Sequence[Padded]) -> bool:
        """Whether these batches can share a pass; a padding token in a sentence prevents it."""
        return self.packs and self._packed.fits(batches)

    def hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the last hidden state of one batch: (batch, tokens, hidden)."""
        with self._precision():
            return self._model.hidden(input_ids, attention_mask).float()

    def packed(self, batches: Sequence[Padded]) -> Tensor:
        """Return the last hidden state of several batches, concatenated: (1, tokens, hidden)."""
        packed = self._packed  # its test runs in float32, whatever the precision of the run
        with self._precision():
            return packed.run(batches).float()

    def narrowed(self, run: Callable[[], Tensor], positions: Tensor) -> Tensor:
        """Return the states of the pass `run` at some positions: (n, hidden).

        `positions`: (n,), counted through the batch. Where the architecture supports it, the part
        of the last layer that follows attention computes these positions only. With gradient
        checkpointing it computes all, because the layer runs a second time.
        """
        places = to_device(positions, self._model.backbone.device)
        whole = self._loaded.spec.gradient_checkpointing or self._model.padding_problem is not None
        if not len(places) or whole:
            return states_at(run(), places)
        with self._top.reading(places) as narrowed:
            hidden = run()
        return hidden[0] if narrowed.happened else states_at(hidden, places)

    def _precision(self) -> AbstractContextManager[None]:
        return autocast_to(self._loaded.spec.precision, self._model.backbone.device)

    @cached_property
    def _top(self) -> NarrowedTop:
        return NarrowedTop(self._model.backbone, *self._sample)

    @cached_property
    def _packed(self) -> PackedBackbone:
        longest = max(self._ordinary, key=lambda each: len(each.input_ids))
        return PackedBackbone(self._model.backbone, *self._sentences(*self._few, longest))

    @cached_property
    def _sample(self) -> tuple[Tensor, Tensor]:
        return self._sentences(*self._few)

    @property
    def _few(self) -> Sequence[EncodedExample]:
        """A few training sentences, of different lengths if possible."""
        some = sorted(self._ordinary[:_SAMPLE_SENTENCES], key=lambda each: len(each.input_ids))
        return some[:: max(1, len(some) // 3)]

    @property
    def _ordinary(self) -> Sequence[EncodedExample]:
        """The training sentences without a padding token among their words; all if each has one."""
        every, pad_id = self._loaded.training, self._loaded.pad_id
        return [each for each in every if pad_id not in each.input_ids] or every

    def _sentences(self, *examples: EncodedExample) -> tuple[Tensor, Tensor]:
        """Token ids and mask of these sentences: (sentences, tokens), on the backbone's device.

        If the batch has no padding, the last token of the last sentence is masked as padding.
        """
        batch = collate(examples, (), self._loaded.pad_id)
        if batch.attention_mask.all() and batch.attention_mask.shape[1] > 1:
            batch.attention_mask[-1, -1] = 0
        device = self._model.backbone.device
        return batch.input_ids.to(device), batch.attention_mask.to(device)
