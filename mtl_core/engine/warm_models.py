"""Models kept loaded between questions: the ones asked last, within a limit of memory."""

import gc
from collections import OrderedDict
from typing import TYPE_CHECKING

from mtl_core.settings import FileAccess
from mtl_core.training.folder import WEIGHTS
from mtl_core.training.predictions import AskedModel

if TYPE_CHECKING:
    from mtl_core.training.predicting import LoadedModel

WARM_BYTES = 1_500_000_000
"""Sixteen models of MiniLM's size, or three of BERT-base's."""

_OF_START = {"checkpoint", "random_backbone", "starts_from", "tasks", "seed", "max_length"}

Key = tuple[str, int]


class WarmModels:
    """Loads a model when it is first asked for; the one asked longest ago goes first.

    The limit counts parameters. The model in use stays, whatever its size.
    """

    def __init__(self, limit_bytes: int = WARM_BYTES) -> None:
        self._limit = limit_bytes
        self._models: OrderedDict[Key, LoadedModel] = OrderedDict()

    def __len__(self) -> int:
        return len(self._models)

    def get(self, asked: AskedModel, access: FileAccess) -> "LoadedModel":
        """The model, loaded now or before. Raises CheckpointError where it cannot be loaded."""
        from mtl_core.training.predicting import load_asked

        key = _key(asked)
        if key not in self._models:
            self._models[key] = load_asked(asked, access)
        self._models.move_to_end(key)
        self._make_room()
        return self._models[key]

    def _make_room(self) -> None:
        dropped = False
        while len(self._models) > 1 and self._bytes() > self._limit:
            self._models.popitem(last=False)
            dropped = True
        if dropped:
            gc.collect()

    def _bytes(self) -> int:
        return sum(each.size_bytes for each in self._models.values())


def _key(asked: AskedModel) -> Key:
    """What tells two models apart. A file that is gone or was replaced is another model."""
    if asked.folder is None:
        return asked.spec.model_dump_json(include=_OF_START), 0
    weights = asked.folder / WEIGHTS
    written_at = weights.stat().st_mtime_ns if weights.is_file() else 0
    return f"{asked.folder} {asked.spec.model_dump_json()}", written_at
