"""Frozen layers run once for all runs of a comparison, in the real trainer."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mtl_core.engine.lab import Lab
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.training.comparison import ComparisonSpec


@pytest.mark.long
def test_the_first_run_keeps_what_the_others_of_the_comparison_will_read(
    tiny_checkpoint: Path,
    tiny_data: Path,
    tmp_path: Path,
    wait_until: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FREEZE_LAB_HOME", str(tmp_path))  # where the trainer keeps outputs
    roots = {"checkpoint_roots": (tiny_checkpoint.parent,), "data_roots": (tiny_data.parent,)}
    settings = Settings(home=tmp_path, threads=1, **roots)  # type: ignore[arg-type]
    spec = ComparisonSpec(
        checkpoint=str(tiny_checkpoint),
        data=str(tiny_data),
        scenarios=("heads-only", "top-1", "full"),
        seeds=(0,),
        max_length=32,
    )
    with Lab(settings) as lab:
        first, second, _ = lab.start_comparison(spec).runs
        wait_until(lambda: lab.store.latest(first.id, "phase_started") is not None, 120.0)
        kept = {file.name for file in settings.prefixes.glob("*.safetensors")}
        wait_until(lambda: lab.store.run(second.id).state.is_final, 120.0)
        told = [lab.store.latest(run.id, "phase_started") for run in (first, second)]
        states = [lab.store.run(run.id).state for run in (first, second)]
        afterwards = {file.name for file in settings.prefixes.glob("*.safetensors")}

    assert states == [RunState.FINISHED] * 2
    assert [each.prefix.from_layer for each in told] == [2, 1]  # type: ignore[union-attr]
    assert len(kept) == 2
    assert afterwards == kept
