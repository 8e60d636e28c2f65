"""What the runs measured of themselves, gathered by plan: likeness of layers, gradients, probes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from mtl_core.analysis.plans import PlanResult
from mtl_core.tasks.task import Task
from mtl_core.training.events import Measured

RIGHT_ANGLE = 0.1
"""Cosines nearer to 0 than this count as a right angle: neither task helps or hinders the other."""

_LAYER = re.compile(r"layer (\d+)")


@dataclass(frozen=True, slots=True)
class Spread:
    """A number over the seeds: mean, lowest and highest."""

    mean: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True, slots=True)
class Probe:
    """What a linear probe on the encoder's outputs scores on a task before training and after."""

    before: float
    after: Spread


def was_measured(plan: PlanResult) -> bool:
    """Whether any finished run of the plan told what moved."""
    return bool(_measured(plan))


def layer_likeness(plan: PlanResult) -> dict[int, Spread]:
    """Linear CKA of each layer's outputs with those before training, by layer from the bottom.

    Source: Kornblith et al. 2019, section 3. Empty where no run told it.
    """
    layers: dict[int, list[float]] = {}
    for each in _measured(plan):
        for group, movement in each.groups.items():
            if movement.cka is not None and (found := _LAYER.fullmatch(group)):
                layers.setdefault(int(found[1]), []).append(movement.cka)
    return {layer: _spread(values) for layer, values in sorted(layers.items())}


def gradient_cosine(plan: PlanResult, one: Task, other: Task) -> Spread | None:
    """Cosine between two tasks' gradients on the shared tensors that learn; None where nothing
    shared learns, or no run told it."""
    names = (f"{one.name},{other.name}", f"{other.name},{one.name}")
    told = [each.gradient_cosine.get(name) for each in _measured(plan) for name in names]
    values = [value for value in told if value is not None]
    return _spread(values) if values else None


def probe(plan: PlanResult, task: Task) -> Probe | None:
    """What the encoder knew of a task and knows at the end, whatever the head says."""
    told = [each.probes[task.name] for each in _measured(plan) if task.name in each.probes]
    if not told:
        return None
    return Probe(fmean(before for before, _ in told), _spread([after for _, after in told]))


def _measured(plan: PlanResult) -> list[Measured]:
    runs = plan.runs.values()
    return [run.measured for run in runs if run.finished is not None and run.measured is not None]


def _spread(values: Sequence[float]) -> Spread:
    return Spread(fmean(values), min(values), max(values), len(values))
