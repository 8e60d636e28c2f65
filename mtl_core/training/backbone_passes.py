"""A backbone's passes in a run: of one batch, of several at once, at the positions read alone."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property

from torch import Tensor

from mtl_core.models.narrowing import NarrowedTop
from mtl_core.models.packing import PackedBackbone, Padded
from mtl_core.training.batches import collate
from mtl_core.training.device import computing_in
from mtl_core.training.loaded_run import Setting
from mtl_core.training.losses import states_at

_SOME = 16


class BackbonePasses:
    """How a run's backbone is run, in the run's precision.

    What its architecture allows is tried once, on a few of the training sentences. Token ids and
    masks are on the CPU, as batches are made; states are float32, on the run's device.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting, self._model = setting, setting.model

    @property
    def packs(self) -> bool:
        """Whether this architecture takes several batches in one pass."""
        return self._packed.packs

    def hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The last hidden state of one batch: (batch, tokens, hidden)."""
        with self.computing():
            return self._model.hidden(input_ids, attention_mask).float()

    def packed(self, batches: Sequence[Padded]) -> Tensor:
        """The last hidden state of several, one after another: (1, tokens, hidden)."""
        packed = self._packed  # tried in float32, whatever the run computes in
        with self.computing():
            return packed.run(batches).float()

    def narrowed(self, run: Callable[[], Tensor], positions: Tensor) -> Tensor:
        """The states that one pass, `run`, gives at some positions: (n, hidden).

        `positions`: (n,), counted through the batch. What follows attention in the last layer runs
        at these alone, where the architecture has it so.
        """
        places = positions.to(self._model.backbone.device)
        if not len(places):
            return states_at(run(), places)
        with self._top.reading(places) as narrowed:
            hidden = run()
        return hidden[0] if narrowed.happened else states_at(hidden, places)

    def computing(self) -> AbstractContextManager[None]:
        """A block in which passes compute in the run's precision."""
        return computing_in(self._setting.spec.precision, self._model.backbone.device)

    @cached_property
    def _top(self) -> NarrowedTop:
        return NarrowedTop(self._model.backbone, *self._tried)

    @cached_property
    def _packed(self) -> PackedBackbone:
        return PackedBackbone(self._model.backbone, *self._tried)

    @cached_property
    def _tried(self) -> tuple[Tensor, Tensor]:
        """Token ids and mask of a few sentences, of different lengths where there are such; the
        last token of the last one counts as padding if there is no other."""
        setting, device = self._setting, self._model.backbone.device
        some = sorted(setting.training[:_SOME], key=lambda each: len(each.input_ids))
        few = collate(some[:: max(1, len(some) // 3)], setting.spec.tasks, setting.pad_id)
        if few.attention_mask.all() and few.attention_mask.shape[1] > 1:
            few.attention_mask[-1, -1] = 0
        return few.input_ids.to(device), few.attention_mask.to(device)
