"""Saves the model of a run, and proves that its frozen tensors are those of the start."""

from collections.abc import Mapping
from pathlib import Path

from mtl_core.models.base_weights import read_base
from mtl_core.training.events import TaskScore
from mtl_core.training.loaded_run import LoadedRun
from mtl_core.training.output_folder import atomic_folder, write_model
from mtl_core.training.proof import require_written
from mtl_core.training.run_events import judged_scores


def save_model(
    output: Path | None,
    loaded: LoadedRun,
    scores: Mapping[str, dict[str, TaskScore]],
    at_start: Mapping[str, str],
    *,
    whole: bool,
) -> int:
    """Write a run's model with its `scores` by split; then compare what can be read from there.

    Without an `output` nothing is written. Unless the model is `whole`, tensors that equal those of
    the checkpoint are not written. `at_start` has the digests of frozen tensors. Returns how many
    of them are read from the checkpoint. Raises FreezeBroken if one differs, OutputNotEmpty and
    OSError.
    """
    if output is None:
        return 0
    prefix = loaded.description.backbone.prefix
    metrics = judged_scores(loaded, scores)
    base = None if whole else loaded.checkpoint
    with atomic_folder(output) as folder:
        write_model(folder, loaded.model, loaded.tokenizer, loaded.spec, metrics, base)
        require_written(folder, at_start, prefix, loaded.source, loaded.loaded_heads)
        written = read_base(folder)
    return 0 if written is None else len(written.tensors.keys() & at_start.keys())
