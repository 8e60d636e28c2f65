"""A backbone's passes in a run: of one batch, of several at once, at the positions read alone."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property

from torch import Tensor

from mtl_core.models.narrowing import NarrowedTop
from mtl_core.models.packing import PackedBackbone, Padded
from mtl_core.training.batches import collate
from mtl_core.training.device import computing_in
from mtl_core.training.losses import states_at
from mtl_core.training.setting import Setting

_TRIED_SENTENCES = 4


class Passes:
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
        with self.computing():
            return self._packed.run(batches).float()

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
        return NarrowedTop(self._model.backbone, *self._few)

    @cached_property
    def _packed(self) -> PackedBackbone:
        return PackedBackbone(self._model.backbone, *self._few)

    @cached_property
    def _few(self) -> tuple[Tensor, Tensor]:
        setting, device = self._setting, self._model.backbone.device
        few = collate(setting.training[:_TRIED_SENTENCES], setting.spec.tasks, setting.pad_id)
        return few.input_ids.to(device), few.attention_mask.to(device)
