"""Space on the disk: refusals before anything is written, and what pruning deletes."""

from collections.abc import Callable

import pytest

from mtl_core.engine.disk import bytes_below, prunable, prune, require_space
from mtl_core.errors import OverLimit
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunStopped
from mtl_core.training.spec import RunSpec

SpecOf = Callable[[str], RunSpec]


def save_model(settings: Settings, run: str, size: int = 1_000) -> None:
    folder = settings.run_folder(run)
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"w" * size)


def ended(store: RunStore, spec: RunSpec) -> str:
    run = store.add(spec, RunState.RUNNING).id
    store.append(run, [RunStopped(elapsed_seconds=1.0, reason="enough")])
    return run


def test_nothing_starts_on_a_disk_that_is_nearly_full(settings: Settings) -> None:
    require_space(settings)
    with pytest.raises(OverLimit, match=r"The disk of this dashboard has .* left, less than the"):
        require_space(settings.model_copy(update={"min_free_bytes": 10**18}))


def test_nothing_starts_over_the_quota(settings: Settings) -> None:
    save_model(settings, "a", 1_001)
    require_space(settings.model_copy(update={"disk_bytes": 1_001}))
    with pytest.raises(OverLimit, match=r"over the limit of 0.001 MB\. Delete runs, or free"):
        require_space(settings.model_copy(update={"disk_bytes": 1_000}))


def test_pruning_keeps_the_newest_models_and_those_that_are_needed(
    settings: Settings, store: RunStore, spec_of: SpecOf
) -> None:
    runs = [ended(store, spec_of("quick")) for _ in range(4)]
    for run in runs[:3]:
        save_model(settings, run)
    store.add(spec_of("quick").model_copy(update={"starts_from": runs[0]}))
    found = list(prunable(store, settings, keep=1))
    assert [(run.id, size) for run, size in found] == [(runs[1], 1_000)]
    prune(settings, [run for run, _ in found])
    assert [settings.run_folder(run).exists() for run in runs] == [True, False, True, False]
    assert bytes_below(settings.home / "runs") == 2_000
    assert len(store.runs()) == 5
