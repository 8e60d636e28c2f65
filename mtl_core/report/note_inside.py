"""The note's account of what happened inside: what moved, what was forgotten, what carries over."""

from collections.abc import Iterator

from mtl_core.charts.maps import Quantity, measured_plans
from mtl_core.freezing.titles import task_title
from mtl_core.report.blocks import Block, Text, figures, table_of
from mtl_core.report.data_words import data_name
from mtl_core.report.forgetting import (
    drift_panel,
    elsewhere,
    elsewhere_row,
    forgotten_row,
    tasks_left_out,
)
from mtl_core.report.forgetting_words import (
    ELSEWHERE_CAPTION,
    FORGOTTEN_CAPTION,
    elsewhere_title,
    forgetting_sentence,
)
from mtl_core.report.inside import (
    any_measured,
    converged,
    convergence_row,
    cosine_row,
    cosines,
    likeness_panel,
    probe_panel,
)
from mtl_core.report.inside_words import (
    CONVERGENCE_CAPTION,
    COSINE_CAPTION,
    convergence_title,
    cosine_title,
)
from mtl_core.report.load import Report
from mtl_core.report.maps import freeze_panel, movement_panel
from mtl_core.report.panel import drawn

_MAP_WIDTH = 560
_WORDS = ("Plan", "Task", "Left out as")


def maps(report: Report) -> Iterator[Block]:
    """What each plan lets learn beside how far it moved."""
    tables, measured = report.tables, measured_plans(report.compared.plans.plans)
    panels = [freeze_panel(tables)] if tables else []
    if measured:
        panels.append(movement_panel(report.compared, tables, Quantity.MOVED))
    yield from figures([drawn(panel, _MAP_WIDTH) for panel in panels])


def left_out(report: Report) -> Iterator[Block]:
    """Tasks that some plan does not train: before and after, in figures, words and numbers."""
    found = tasks_left_out(report.compared)
    panels = [drift_panel(report.compared, task, each) for task, each in found.items()]
    yield from figures([drawn(panel, _MAP_WIDTH) for panel in panels])
    every = [each for task in found.values() for each in task]
    for each in every:
        yield Text(forgetting_sentence(each))
    if every:
        yield table_of([forgotten_row(each) for each in every], left=_WORDS)
        yield Text(FORGOTTEN_CAPTION)


def other_data(report: Report) -> Iterator[Block]:
    """How far skill carries: scores on other data, a table for each."""
    names = [task.name for task in report.compared.plans.tasks]
    for data, found in elsewhere(report.compared).items():
        yield Text(f"{elsewhere_title(data_name(data, names), found)}.")
        yield table_of([elsewhere_row(each) for each in found], left=_WORDS)
        yield Text(ELSEWHERE_CAPTION)


def inside(report: Report) -> Iterator[Block]:
    """What the runs measured of themselves: likeness of layers, probes, gradients."""
    shown = report.compared
    probes = [probe_panel(shown, number, task) for number, task in enumerate(shown.plans.tasks)]
    panels = [panel for panel in (likeness_panel(shown), *probes) if panel is not None]
    yield from figures([drawn(panel, _MAP_WIDTH) for panel in panels])
    if any_measured(shown):
        for (one, other), told in cosines(shown).items():
            yield Text(
                f"{task_title(one.name)} and {task_title(other.name)}. {cosine_title(told)}."
            )
            yield table_of(
                [cosine_row(label, each) for label, each in told.items()], left=("The tasks pull",)
            )
            yield Text(COSINE_CAPTION)


def convergence(report: Report) -> Iterator[Block]:
    """Where each plan's loss stood at the end; nothing before any run has finished."""
    shown = report.compared
    told = converged(shown)
    if not told:
        return
    yield Text(f"{convergence_title(told)}.")
    titles = [task_title(task.name) for task in shown.plans.tasks]
    rows = [convergence_row(shown, label, each) for label, each in told.items()]
    yield table_of(rows, left=titles)
    yield Text(CONVERGENCE_CAPTION)
