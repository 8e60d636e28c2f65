"""The summary of a run before its first event, derived from its plan."""

from collections.abc import Sequence

from mtl_core.analysis.summary import PhaseProgress, RunSummary, TaskProgress
from mtl_core.analysis.words import learning_words
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.description import ModelDescription, Role
from mtl_core.training.spec import RunSpec


def begin(run: str, spec: RunSpec, model: ModelDescription | None = None) -> RunSummary:
    """Builds the summary of a run that has not started.

    With `model`, the phases contain what they will train.
    """
    tables = parameter_tables(spec.plan, model) if model else ()
    return RunSummary(
        run=run,
        spec=spec,
        tasks=tuple(TaskProgress(task) for task in spec.tasks),
        phases=tuple(
            _phase(number, spec, tables) for number in range(1, len(spec.plan.phases) + 1)
        ),
        tensors=sum(tables[0].tensors.values()) if tables else None,
        parameters=tables[0].totals.all if tables else None,
    )


def part_rates(table: ParameterTable) -> tuple[tuple[str, float], ...]:
    """Returns the highest learning rate of the heads and of the encoder, if they are trained."""
    learning = [row for row in table.rows if row.state is State.TRAINABLE and row.learning_rate]
    parts = {
        "heads": [row.learning_rate for row in learning if row.role is Role.HEAD],
        "encoder": [row.learning_rate for row in learning if row.role is not Role.HEAD],
    }
    return tuple(
        (part, max(rate or 0.0 for rate in rates)) for part, rates in parts.items() if rates
    )


def _phase(number: int, spec: RunSpec, tables: Sequence[ParameterTable]) -> PhaseProgress:
    phase = spec.plan.phases[number - 1]
    if not tables:
        return PhaseProgress(number=number, name=phase.name)
    table = tables[number - 1]
    before = _learning_groups(tables[number - 2]) if number > 1 else frozenset()
    return PhaseProgress(
        number=number,
        name=phase.name,
        trainable=table.totals.trainable,
        share=table.totals.trainable_share,
        rates=part_rates(table),
        learning=learning_words(table),
        newly_trainable=tuple(
            group.name
            for group in table.groups
            if group.totals.trainable and group.name not in before
        ),
        losses_used=tuple(task.name for task in spec.tasks if _reaches(task.name, table)),
        frozen_tensors=table.tensors[State.FROZEN],
    )


def _reaches(task: str, table: ParameterTable) -> bool:
    return any(row.state is State.TRAINABLE and task in row.reached_by for row in table.rows)


def _learning_groups(table: ParameterTable) -> frozenset[str]:
    return frozenset(group.name for group in table.groups if group.totals.trainable)
