"""Estimates how long a run takes from the computed cost of its steps and the machine's speed."""

from collections.abc import Sequence

from mtl_core.cost.estimate import StepCost, step_cost
from mtl_core.cost.speed import Speed
from mtl_core.engine.cached_costs import cached_model, cached_profile
from mtl_core.engine.held_outputs import mean_tokens
from mtl_core.errors import FreezeLabError
from mtl_core.file_access import FileAccess
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.settings import Settings
from mtl_core.tasks.data_sources import ReadsData
from mtl_core.training.phases import learning_steps, phase_steps, steps_per_epoch
from mtl_core.training.prefix.plan import PhasePrefix, ReadSentences, phase_prefixes
from mtl_core.training.spec import RunSpec

START_SECONDS = 3.0
"""Seconds before the first step: the packages, the model and the data are loaded."""


def computed_seconds(
    spec: RunSpec, settings: Settings, access: FileAccess, load: ReadsData, speed: Speed
) -> float | None:
    """Estimate the seconds of a run: its start, steps, evaluations and frozen layers.

    `speed` was measured with the threads of `settings`; fewer threads take longer in proportion,
    which is the most they can take. None if the checkpoint's costs were never traced on this
    machine, or if `access` or `load` does not allow the checkpoint or the data.
    """
    try:
        checkpoint, model = cached_model(spec, settings, access)
        profile = cached_profile(checkpoint, settings)
        tokens = mean_tokens(spec, load)
        data = load(spec.data, spec.examples)
        tables = parameter_tables(spec.plan, model)
        per_epoch = steps_per_epoch(len(data.train), spec.batch_size)
        steps = learning_steps(tables, phase_steps(spec, per_epoch))
    except FreezeLabError:
        return None
    costs = [
        step_cost(profile, model, each, spec.batch_size, tokens, frozen_dropout=spec.frozen_dropout)
        for each in tables
    ]
    counts = len(data.train), len(data.validation), len(data.test)
    read = ReadSentences(*counts, per_epoch, spec.evaluations_per_epoch)
    prefixes = (
        phase_prefixes(tables, steps, model.backbone.layers, read)
        if spec.reuses_prefix
        else [PhasePrefix(None)] * len(tables)
    )
    at_speed = _step_seconds(costs, steps, prefixes, speed) + _forward_seconds(
        spec, costs, steps, prefixes, read, speed
    )
    return START_SECONDS + at_speed * max(1.0, settings.threads / spec.threads)


def _step_seconds(
    costs: Sequence[StepCost], steps: Sequence[int], prefixes: Sequence[PhasePrefix], speed: Speed
) -> float:
    """The seconds of all optimizer steps."""
    return sum(
        count * speed.seconds(cost, reused=prefix.depth is not None)
        for cost, count, prefix in zip(costs, steps, prefixes, strict=True)
    )


def _forward_seconds(
    spec: RunSpec,
    costs: Sequence[StepCost],
    steps: Sequence[int],
    prefixes: Sequence[PhasePrefix],
    read: ReadSentences,
    speed: Speed,
) -> float:
    """The seconds of the evaluations, and of the passes that store frozen layers' outputs."""
    flops = 0.0
    stored: set[int] = set()
    for number, (cost, count, prefix) in enumerate(zip(costs, steps, prefixes, strict=True)):
        reuses = prefix.depth is not None
        processed = read.without_storing(count, number == 0, number == len(steps) - 1)
        evaluated = float(processed) - count * read.training / read.per_epoch
        flops += evaluated * (cost.reused_forward_flops if reuses else cost.forward_flops)
        if prefix.depth is not None and not (prefix.original and stored):
            flops += read.every * (cost.forward_flops - cost.reused_forward_flops)
            stored |= {prefix.depth} if prefix.original else set()
    return flops / spec.batch_size * speed.forward_seconds_per_flop
