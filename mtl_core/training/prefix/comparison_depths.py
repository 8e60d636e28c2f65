"""What other runs of a comparison will read of the same sentences, found in the same pass."""

from collections.abc import Iterable

from mtl_core.errors import BadInput
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.training.loaded_run import Setting
from mtl_core.training.phases import phase_steps, steps_per_epoch, steps_that_learn
from mtl_core.training.prefix.plan import phase_prefixes
from mtl_core.training.spec import RunSpec

_SAME = ("checkpoint", "data", "examples", "max_length", "device", "threads", "starts_from")


def depths_beside(setting: Setting, others: Iterable[RunSpec]) -> frozenset[int]:
    """The depths at which `others` will read the checkpoint's own outputs of this run's sentences.

    By their plans alone. A run on other sentences, on other weights or without reuse reads none.
    """
    spec = setting.spec
    if spec.random_backbone or not spec.prefix_reuse:
        return frozenset()
    plans = {
        (each.plan.model_dump_json(), each.epochs, each.batch_size): each
        for each in others
        if _reads_the_same(spec, each)
    }
    return frozenset(depth for each in plans.values() for depth in _depths(setting, each))


def _reads_the_same(spec: RunSpec, other: RunSpec) -> bool:
    return (
        all(getattr(spec, name) == getattr(other, name) for name in _SAME)
        and other.prefix_reuse
        and not other.random_backbone
        and spec.plan.task_weights == other.plan.task_weights
    )


def _depths(setting: Setting, other: RunSpec) -> set[int]:
    tables = parameter_tables(other.plan, setting.description)
    per_epoch = steps_per_epoch(len(setting.training), other.batch_size)
    try:
        steps = steps_that_learn(tables, phase_steps(other, per_epoch))
    except BadInput:  # that run will say so itself
        return set()
    layers = setting.description.backbone.layers
    choices = phase_prefixes(tables, steps, layers, per_epoch)
    return {each.depth for each in choices if each.original and each.depth is not None}
