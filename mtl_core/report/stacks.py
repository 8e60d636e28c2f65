"""The layer stack of each plan: what it trains, and how far the gradient reaches."""

import json
from collections.abc import Iterator, Sequence

from mtl_core.charts.stack import stack_figure
from mtl_core.charts.theme import DARK, LIGHT, Figure, Palette
from mtl_core.freezing.table import ParameterTable
from mtl_core.models.description import ModelDescription
from mtl_core.report.blocks import Block, figures
from mtl_core.report.load import Report, ReportRun
from mtl_core.report.panel import Drawing
from mtl_core.text import percent

_MOST_PHASES = 4
_WIDTH = 680


def blocks(report: Report) -> Iterator[Block]:
    """Builds the note's section."""
    yield from figures(stack_drawings(report))


def stack_drawings(report: Report) -> tuple[Drawing, ...]:
    """Draws the layer stack of each distinct plan whose model is known.

    Of a single run each phase is drawn, of more than four the first and the last. Of several plans
    the phase with the most trainable parameters is drawn.
    """
    drawings: list[Drawing] = []
    seen: list[object] = []
    for label, run in report.one_of_each:
        spec = run.record.spec
        plan = (spec.checkpoint, spec.plan, spec.tasks)
        if run.model is not None and plan not in seen:
            seen.append(plan)
            drawings += _stacks(label, run, run.model, alone=len(report.runs) == 1)
    return tuple(drawings)


def _stacks(
    label: str, run: ReportRun, model: ModelDescription, *, alone: bool
) -> Iterator[Drawing]:
    for table in _phases_to_draw(run.tables, alone):
        totals, count = table.totals, len(run.tables)
        phase = f", phase {table.phase_number} of {count}" if count > 1 else ""
        light, dark = (_figure(table, model, colors) for colors in (LIGHT, DARK))
        yield Drawing(
            name=f"stack-{run.id}{f'-phase-{table.phase_number}' if count > 1 else ''}",
            lead="",
            title=f"{label}{phase}: {_trainable(totals.trainable, totals.all)}",
            caption=_tensor_counts(table),
            light=light,
            dark=dark,
            width=_WIDTH,
        )


def _phases_to_draw(tables: Sequence[ParameterTable], alone: bool) -> Sequence[ParameterTable]:
    if not alone:
        return [max(tables, key=lambda table: table.totals.trainable)]
    return tables if len(tables) <= _MOST_PHASES else [tables[0], tables[-1]]


def _trainable(trainable: int, total: int) -> str:
    if not trainable:
        return "nothing is trainable"
    return f"{trainable:,} of {total:,} parameters are trainable ({percent(trainable / total, 1)})"


def _tensor_counts(table: ParameterTable) -> str:
    counts = [f"{count:,} {state}" for state, count in table.tensors.items() if count]
    return f"Tensors: {', '.join(counts)}."


def _figure(table: ParameterTable, model: ModelDescription, colors: Palette) -> Figure:
    figure: Figure = json.loads(stack_figure(table, model, colors).to_json())
    return {"data": figure["data"], "layout": figure["layout"]}
