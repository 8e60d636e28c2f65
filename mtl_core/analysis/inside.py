"""Aggregates measurements inside the model by plan: layer similarity, gradient cosines, probes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from mtl_core.analysis.plans import PlanResult
from mtl_core.tasks.task import Task
from mtl_core.training.events import Measured

RIGHT_ANGLE = 0.1
"""Gradients whose cosine is closer to 0 than this count as orthogonal: no help, no conflict."""

_LAYER = re.compile(r"layer (\d+)")


@dataclass(frozen=True, slots=True)
class Spread:
    """The mean, lowest and highest value over the seeds."""

    mean: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True, slots=True)
class Cosine(Spread):
    """A cosine over the seeds; `by_batch` are the lowest and the highest of any batch.

    `by_batch` is None for runs of earlier versions, which measured one batch.
    """

    by_batch: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """The scores of a linear probe on the encoder's outputs, before and after training."""

    before: float
    after: Spread


def was_measured(plan: PlanResult) -> bool:
    """Whether any finished run of the plan has measurements."""
    return bool(_measured(plan))


def layer_similarity(plan: PlanResult) -> dict[int, Spread]:
    """Computes the linear CKA between each layer's outputs after and before training.

    Returns values by layer number, in ascending order; empty if no run measured them.
    Source: Kornblith et al. 2019, section 3.
    """
    layers: dict[int, list[float]] = {}
    for each in _measured(plan):
        for group, movement in each.groups.items():
            if movement.cka is not None and (found := _LAYER.fullmatch(group)):
                layers.setdefault(int(found[1]), []).append(movement.cka)
    return {layer: _spread(values) for layer, values in sorted(layers.items())}


def gradient_cosine(plan: PlanResult, one: Task, other: Task) -> Cosine | None:
    """Computes the cosine between two tasks' gradients on the shared trainable tensors.

    Returns None if there are no such tensors, or if no run measured it.
    """
    names = (f"{one.name},{other.name}", f"{other.name},{one.name}")
    runs = _measured(plan)
    cosines = [each.gradient_cosine.get(name) for each in runs for name in names]
    values = [value for value in cosines if value is not None]
    if not values:
        return None
    ranges = [each.gradient_cosine_range.get(name) for each in runs for name in names]
    ends = [end for each in ranges if each is not None for end in each]
    by_batch = (min(ends), max(ends)) if ends else None
    return Cosine(fmean(values), min(values), max(values), len(values), by_batch)


def probe(plan: PlanResult, task: Task) -> Probe | None:
    """Returns the probe scores of the plan on a task; None if no run measured them."""
    scores = [each.probes[task.name] for each in _measured(plan) if task.name in each.probes]
    if not scores:
        return None
    return Probe(fmean(before for before, _ in scores), _spread([after for _, after in scores]))


def _measured(plan: PlanResult) -> list[Measured]:
    runs = plan.runs.values()
    return [run.measured for run in runs if run.finished is not None and run.measured is not None]


def _spread(values: Sequence[float]) -> Spread:
    return Spread(fmean(values), min(values), max(values), len(values))
