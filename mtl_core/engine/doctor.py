"""Checks of an installation: the machine, the store, the weights, the cache and the disk.

Each check is a finding with what was found and, if something is wrong, what to do.
"""

import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mtl_core import __version__
from mtl_core.engine.capacity import capacity_here, runs_at_once
from mtl_core.engine.disk import bytes_below, free_bytes
from mtl_core.engine.machine import free_memory_bytes, usable_cores
from mtl_core.errors import FreezeLabError
from mtl_core.file_access import NO_FILE
from mtl_core.models.catalogue import catalogue
from mtl_core.models.checkpoint import has_weights, require_weights, resolve_checkpoint
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.text import bytes_text, counted, listed
from mtl_core.values import Frozen

_PACKAGES = ("torch", "transformers", "streamlit", "plotly", "pandas")
_LEAST_MEMORY_BYTES = 1_500_000_000
"""A run of `full` on the included checkpoint needs about 1 GB."""
_LEAST_DISK_BYTES = 2_000_000_000
_READABLE_BY_OTHERS = 0o077


class Finding(Frozen):
    """The result of one check. `remedy` is None if nothing is wrong."""

    check: str
    found: str
    remedy: str | None = None


def findings(settings: Settings) -> Iterator[Finding]:
    """Check the installation and yield what was found."""
    yield _versions()
    yield _machine(settings)
    yield _memory()
    yield _home(settings)
    yield _store(settings)
    yield _weights()
    yield _other_checkpoints()
    yield _cache(settings)
    yield _disk(settings)


def _versions() -> Finding:
    found, missing = [f"Freeze Lab {__version__}", f"Python {platform.python_version()}"], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    remedy = f"Install {listed(missing)}: `pip install freeze-lab`." if missing else None
    return Finding(check="versions", found=", ".join(found), remedy=remedy)


def _machine(settings: Settings) -> Finding:
    at_once = runs_at_once(settings.threads, "cpu", capacity_here(settings, ()))
    found = (
        f"{counted(usable_cores(), 'core')}; a run has {counted(settings.threads, 'thread')}, and "
        f"{counted(at_once, 'run')} of that size {'is' if at_once == 1 else 'are'} trained at once"
    )
    return Finding(check="processor", found=found)


def _memory() -> Finding:
    free = free_memory_bytes()
    if free is None:
        return Finding(check="memory", found="the system does not report it")
    remedy = None
    if free < _LEAST_MEMORY_BYTES:
        remedy = (
            f"Close other programs: training all layers of the included checkpoint needs about "
            f"{bytes_text(_LEAST_MEMORY_BYTES)}."
        )
    return Finding(check="memory", found=f"{bytes_text(free)} free", remedy=remedy)


def _home(settings: Settings) -> Finding:
    home = settings.home
    if not home.exists():
        parent = next(each for each in home.parents if each.exists())
        if os.access(parent, os.W_OK):
            return Finding(check="folder", found=f"{home} will be created at the first run")
    try:
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as problem:
        return Finding(
            check="folder",
            found=f"{home} cannot be written: {problem.strerror}",
            remedy="Set FREEZE_LAB_HOME to a folder that you may write to.",
        )
    remedy = None
    if os.name == "posix" and home.stat().st_mode & _READABLE_BY_OTHERS:
        remedy = f"Others on this machine can read your runs: `chmod 700 {home}`."
    return Finding(check="folder", found=str(home), remedy=remedy)


def _store(settings: Settings) -> Finding:
    if isinstance(settings.database, Path) and not settings.database.is_file():
        return Finding(check="store", found="no runs yet")
    try:
        with closing(RunStore(settings.database)) as store:
            fault, size_bytes = store.fault(), store.size_bytes()
            active, paused = store.active(), store.is_paused()
    except FreezeLabError as problem:
        return Finding(check="store", found=str(problem), remedy="See docs/storage.md.")
    if fault is not None:
        return Finding(
            check="store",
            found=f"{store.place} is damaged: {fault}",
            remedy="Stop Freeze Lab, move the file away, and start again with an empty store.",
        )
    running = sum(run.state is RunState.RUNNING for run in active)
    where = "" if isinstance(settings.database, Path) else f"{store.place}, "
    found = f"{where}{bytes_text(size_bytes)}, {running} running and "
    found += f"{counted(len(active) - running, 'waiting run')}{', paused' if paused else ''}"
    remedy = "`freeze-lab runs resume` lets waiting runs start again." if paused else None
    return Finding(check="store", found=found, remedy=remedy)


def _weights() -> Finding:
    embedded = next(each for each in catalogue() if each.embedded)
    try:
        folder = require_weights(resolve_checkpoint(embedded.name, NO_FILE))
    except FreezeLabError as problem:
        return Finding(
            check="included weights",
            found=str(problem),
            remedy="Install the requirements again: `pip install --force-reinstall freeze-lab`.",
        )
    return Finding(check="included weights", found=f"{embedded.name} in {folder}, digest verified")


def _other_checkpoints() -> Finding:
    others = [each.name for each in catalogue() if not each.embedded]
    ready = [name for name in others if has_weights(resolve_checkpoint(name, NO_FILE))]
    found = (
        f"{listed(ready)} ready"
        if ready
        else "no other checkpoint of the catalogue is on this machine"
    )
    return Finding(check="other weights", found=found)


def _cache(settings: Settings) -> Finding:
    used = bytes_below(settings.prefixes)
    limit = bytes_text(settings.cache_bytes)
    return Finding(
        check="cache", found=f"{bytes_text(used)} of {limit} in {settings.prefixes.parent}"
    )


def _disk(settings: Settings) -> Finding:
    free = free_bytes(settings)
    remedy = None
    if free < _LEAST_DISK_BYTES:
        remedy = "Delete saved models (`freeze-lab runs prune`), or lower FREEZE_LAB_CACHE_BYTES."
    return Finding(check="disk", found=f"{bytes_text(free)} free", remedy=remedy)
