"""The steps of a run and what it reuses, from its plan and its data, without torch."""

from dataclasses import dataclass

from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import ParameterTable
from mtl_core.models.description import ModelDescription
from mtl_core.tasks.data_sources import ReadsData
from mtl_core.training.phases import learning_steps, phase_steps, steps_per_epoch
from mtl_core.training.prefix.plan import PhasePrefix, ReadSentences, phase_prefixes
from mtl_core.training.spec import RunSpec


@dataclass(frozen=True)
class PlannedPasses:
    """The parameter table, the steps and the reused layers of each phase; the sentences read."""

    tables: tuple[ParameterTable, ...]
    steps: tuple[int, ...]
    prefixes: tuple[PhasePrefix, ...]
    read: ReadSentences


def planned_passes(spec: RunSpec, model: ModelDescription, load: ReadsData) -> PlannedPasses:
    """Return what a run will do. Raises DataError, PlanError and InvalidRun as the run would."""
    data = load(spec.data, spec.examples)
    weights = spec.plan.task_weights
    learned = [each for each in data.train if any(weights.get(t, 1.0) > 0 for t in each.labels)]
    per_epoch = steps_per_epoch(len(learned), spec.batch_size)
    tables = parameter_tables(spec.plan, model)
    steps = learning_steps(tables, phase_steps(spec, per_epoch))
    read = ReadSentences(
        len(learned), len(data.validation), len(data.test), per_epoch, spec.evaluations_per_epoch
    )
    prefixes = phase_prefixes(tables, steps, model.backbone.layers, read)
    if not spec.reuses_prefix:
        prefixes = tuple(PhasePrefix(None) for _ in tables)
    return PlannedPasses(tables, steps, prefixes, read)
