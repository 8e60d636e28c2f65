"""The sentence vector that a checkpoint was trained with: the default of its runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtl_core.errors import DamagedCheckpoint, UnsupportedArchitecture
from mtl_core.json_files import read_json
from mtl_core.models.catalogue import entry
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.sentence_vector import SentenceVector

CONFIG_KEY = "sentence_vector"
"""The key of the sentence vector in the config.json of a model that a run wrote."""

POOLING_FILE = "1_Pooling/config.json"
"""The file in which sentence-transformers stores how the vector of a sentence is computed."""

_VECTORS = {"cls": SentenceVector.FIRST_TOKEN, "mean": SentenceVector.MEAN}
_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""The switches of sentence-transformers before version 6, and their names since."""


def trained_sentence_vector(checkpoint: Checkpoint) -> SentenceVector:
    """Return the sentence vector that a checkpoint was trained with.

    The catalogue states it for its checkpoints. Otherwise it is read from the config.json of a
    model that a run wrote, or from POOLING_FILE in a folder of sentence-transformers. It is the
    first token if nothing states it.
    Raises DamagedCheckpoint for a file that cannot be read, and UnsupportedArchitecture for a
    pooling that sentence heads cannot read.
    """
    if checkpoint.entry is not None:
        return entry(checkpoint.entry).sentence_vector
    stated = _read(checkpoint, checkpoint.config_file).get(CONFIG_KEY)
    if stated is not None:
        return _written(checkpoint, stated)
    file = checkpoint.folder / POOLING_FILE if checkpoint.folder else None
    if file is None or not file.is_file():
        return SentenceVector.FIRST_TOKEN
    return _pooled(checkpoint, _modes(_read(checkpoint, file)))


def _written(checkpoint: Checkpoint, stated: object) -> SentenceVector:
    if stated not in [*SentenceVector]:
        raise DamagedCheckpoint(
            f"'{CONFIG_KEY}' in the config.json of '{checkpoint.name}' is none of "
            f"{', '.join(SentenceVector)}. {_REMEDY}"
        )
    return SentenceVector(str(stated))


def _pooled(checkpoint: Checkpoint, modes: list[str]) -> SentenceVector:
    if len(modes) == 1 and modes[0] in _VECTORS:
        return _VECTORS[modes[0]]
    known = [mode for mode in modes if mode in _MODES.values()]
    found = " and ".join(known) if known and known == modes else "no known mode"
    raise UnsupportedArchitecture(
        f"'{checkpoint.name}' was trained with another sentence vector: {POOLING_FILE} has "
        f"{found}, and sentence heads can read cls (the first token) or mean. {_REMEDY}"
    )


def _modes(values: Mapping[str, Any]) -> list[str]:
    """The modes of pooling that a file states, in the format of any version."""
    stated = values.get("pooling_mode")
    if stated is None:
        return [mode for key, mode in _MODES.items() if values.get(key)]
    return [str(each) for each in stated] if isinstance(stated, list) else [str(stated)]


def _read(checkpoint: Checkpoint, file: Path) -> Mapping[str, Any]:
    try:
        found = read_json(file)
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        shown = file.relative_to(checkpoint.folder) if checkpoint.folder else file.name
        raise DamagedCheckpoint(
            f"{shown} of '{checkpoint.name}' is not a JSON object, so its sentence vector is "
            f"unknown. {_REMEDY}"
        )
    return found


_REMEDY = f"Choose one with --sentence-vector {', '.join(SentenceVector)}."
