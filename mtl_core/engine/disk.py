"""Space on the disk: checked before a run or an upload, and freed by deleting saved models."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from mtl_core.engine.resuming import delete_state
from mtl_core.errors import OverLimit
from mtl_core.settings import Settings
from mtl_core.store.record import RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.text import bytes_text

_MOST_RUNS = 100_000


def require_space(settings: Settings) -> None:
    """Raises OverLimit if the disk is nearly full, or if runs and uploads exceed their quota."""
    free = free_bytes(settings)
    remedy = "Delete runs, or free their models with `freeze-lab runs prune`."
    if free < settings.min_free_bytes:
        raise OverLimit(
            f"The disk of this dashboard has {bytes_text(free)} left, less than the "
            f"{bytes_text(settings.min_free_bytes)} that are kept free. {remedy}"
        )
    if settings.disk_bytes is None:
        return
    folders = (settings.home / "runs", settings.home / "states", settings.uploads)
    used = sum(map(bytes_below, folders))
    if used > settings.disk_bytes:
        raise OverLimit(
            f"Saved models and uploads have {bytes_text(used)}, over the limit of "
            f"{bytes_text(settings.disk_bytes)}. {remedy}"
        )


def free_bytes(settings: Settings) -> int:
    """The free space on the disk of runs and uploads."""
    home = settings.home
    return shutil.disk_usage(next(each for each in (home, *home.parents) if each.exists())).free


def bytes_below(folder: Path) -> int:
    """The bytes of all files below a folder; 0 if it does not exist."""
    return sum(_size(file) for file in folder.rglob("*"))


def prunable(store: RunStore, settings: Settings, keep: int) -> Iterator[tuple[RunRecord, int]]:
    """Yield the runs whose saved models can be deleted, with their bytes, the newest first.

    The models of the `keep` newest runs are left, and those that an active run starts from.
    """
    needed = {run.spec.starts_from for run in store.active()}
    ended = tuple(state for state in RunState if state.is_final)
    saved = [
        run
        for run in store.runs(_MOST_RUNS, states=ended)
        if any(folder.is_dir() for folder in _folders(settings, run.id))
    ]
    for run in saved[keep:]:
        if run.id not in needed:
            yield run, sum(map(bytes_below, _folders(settings, run.id)))


def prune(settings: Settings, runs: Sequence[RunRecord]) -> None:
    """Delete the saved models and states of runs. The runs and their events stay."""
    for run in runs:
        shutil.rmtree(settings.run_folder(run.id), ignore_errors=True)
        delete_state(settings, run.id)


def _folders(settings: Settings, run: str) -> tuple[Path, Path]:
    return settings.run_folder(run), settings.state_folder(run)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size if file.is_file() else 0
    except OSError:  # deleted in the meantime
        return 0
