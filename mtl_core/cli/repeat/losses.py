"""Compares the losses of repeated runs with those in the bundle."""

from collections.abc import Iterable
from dataclasses import dataclass

from mtl_core.cli.repeat.unpacked import UnpackedRun
from mtl_core.store.runs import RunStore
from mtl_core.text import counted
from mtl_core.training.events import Step

StepLosses = list[dict[str, float | None]]
"""The loss of each task, step by step."""


@dataclass(frozen=True, slots=True)
class _Difference:
    """The first step in which two runs differ, and the largest difference of a loss."""

    run: str
    step: int
    largest: float


def losses_words(store: RunStore, pairs: Iterable[tuple[UnpackedRun, str]]) -> str:
    """States whether the losses of runs of a bundle and of their repetitions are equal.

    Each pair is a run and the id of its repetition.
    """
    steps, runs, differences = 0, 0, []
    for run, repeated in pairs:
        before = [each["loss"] for each in run.events if each.get("event") == "step"]
        after = [e.loss for _, e in store.events(repeated, kinds=("step",)) if isinstance(e, Step)]
        steps, runs = steps + min(len(before), len(after)), runs + 1
        if (found := _difference(run.id, before, after)) is not None:  # type: ignore[arg-type]
            differences.append(found)
    what = f"{counted(steps, 'step')} of {counted(runs, 'run')}"
    if not steps:
        return "The bundle has no losses to compare with."
    if not differences:
        return f"Repeated: the losses of all {what} are the same to the last bit."
    first = differences[0]
    largest = max(each.largest for each in differences)
    return (
        f"The losses of {len(differences)} of {counted(runs, 'run')} differ, by at most "
        f"{largest:.1g}; first in step {first.step} of run {first.run}."
    )


def _difference(run: str, before: StepLosses, after: StepLosses) -> _Difference | None:
    differing = [
        (step, max(map(_distance, one.values(), other.values()), default=0.0))
        for step, (one, other) in enumerate(zip(before, after, strict=False), start=1)
        if one != other
    ]
    if not differing:
        return None
    return _Difference(run, differing[0][0], max(distance for _, distance in differing))


def _distance(one: float | None, other: float | None) -> float:
    return abs((one or 0.0) - (other or 0.0))
