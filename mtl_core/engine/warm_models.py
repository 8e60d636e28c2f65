"""Keeps the models of recent predictions in memory."""

import gc
from typing import TYPE_CHECKING

from cachetools import LRUCache

from mtl_core.file_access import FileAccess
from mtl_core.training.output_folder import written_weights
from mtl_core.training.predictions import ModelSource

if TYPE_CHECKING:
    from mtl_core.training.predicting import LoadedModel

WARM_BYTES = 1_500_000_000
"""Sixteen models of MiniLM's size, or three of BERT-base's."""

_OF_START = {
    "checkpoint",
    "random_backbone",
    "starts_from",
    "tasks",
    "seed",
    "max_length",
    "sentence_vector",
}

Key = tuple[str, int]


class WarmModels:
    """An LRU cache of loaded models.

    The limit counts the bytes of their parameters. The model in use is never evicted, whatever its
    size.
    """

    def __init__(self, limit_bytes: int = WARM_BYTES) -> None:
        self._models: LRUCache[Key, LoadedModel] = LRUCache(
            limit_bytes, getsizeof=lambda model: min(model.size_bytes, limit_bytes)
        )

    def __len__(self) -> int:
        return len(self._models)

    def get(self, source: ModelSource, access: FileAccess) -> "LoadedModel":
        """The model, loaded if it is not in the cache. Raises CheckpointError if it cannot be."""
        from mtl_core.training.predicting import load_predictor

        key = _key(source)
        model = self._models.get(key)
        if model is None:
            model, count = load_predictor(source, access), len(self._models)
            self._models[key] = model
            if len(self._models) <= count:  # others were evicted
                gc.collect()
        return model


def _key(source: ModelSource) -> Key:
    """The cache key of a model; a file that is missing or replaced gives another key."""
    if source.folder is None:
        return source.spec.model_dump_json(include=_OF_START), 0
    weights = written_weights(source.folder)
    written_at = weights.stat().st_mtime_ns if weights else 0
    return f"{source.folder} {source.spec.model_dump_json()}", written_at
