"""Commands that look and change nothing: checkpoints, scenarios, inspect, plan."""

import json
import sys
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from mtl_core.cli.choosing import DEFAULT_CHECKPOINT, choose, choose_model
from mtl_core.cli.options import (
    CheckpointOption,
    DataOption,
    ListFormat,
    PlanOption,
    ScenarioOption,
    TableFormat,
)
from mtl_core.cli.telling import plain_console
from mtl_core.errors import InvalidPlan
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.freezing.scenarios import scenarios as scenarios_of
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.freezing.writing import (
    SIGNS,
    as_csv,
    as_json,
    as_markdown,
    listing,
    rate_text,
    shape_text,
)
from mtl_core.lessons.scenarios import lesson
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.catalogue import catalogue
from mtl_core.models.checkpoint import has_weights, resolve_checkpoint

_COLOURS = {State.TRAINABLE: "dark_orange3", State.FROZEN: "deep_sky_blue3", State.UNREACHED: "dim"}


def checkpoints(
    output: Annotated[ListFormat, typer.Option("--format")] = ListFormat.TABLE,
) -> None:
    """List the checkpoints known by name, and whether their weights are on this machine."""
    rows = [
        {
            "name": each.name,
            "architecture": backbone.architecture,
            "layers": backbone.depth,
            "hidden": backbone.hidden_size,
            "parameters": backbone.total,
            "weights": has_weights(resolve_checkpoint(each.name)),
            "summary": each.summary,
            "licence": each.licence,
            "hub_id": each.hub_id,
        }
        for each in catalogue()
        for backbone in [read_description(shipped_description(each.name))]
    ]
    if output is ListFormat.JSON:
        _print_json(rows)
        return
    table = _table("name", "architecture", "layers>", "hidden>", "parameters>", "weights", "text")
    for row in rows:
        here = "here" if row["weights"] else "not here"
        numbers = (f"{row[key]:,}" for key in ("layers", "hidden", "parameters"))
        table.add_row(
            str(row["name"]), str(row["architecture"]), *numbers, here, str(row["summary"])
        )
    plain_console().print(table)


def scenarios(
    checkpoint: CheckpointOption = DEFAULT_CHECKPOINT,
    data: DataOption = None,
    output: Annotated[ListFormat, typer.Option("--format")] = ListFormat.TABLE,
) -> None:
    """List the scenarios that fit a checkpoint: phases, what learns, when to use each."""
    _, model = choose_model(checkpoint, data)
    rows = [
        {
            "name": each.name,
            "phases": each.phases,
            "learns": each.learns,
            "trainable": max(
                table.totals.trainable
                for table in parameter_tables(scenario_plan(each.name, model), model)
            ),
            "when": lesson(each.name).when,
        }
        for each in scenarios_of(model)
    ]
    if output is ListFormat.JSON:
        _print_json(rows)
        return
    table = _table("name", "phases>", "what learns", "parameters>", "when to use it")
    for row in rows:
        numbers = f"{row['trainable']:,}"
        table.add_row(
            str(row["name"]), str(row["phases"]), str(row["learns"]), numbers, str(row["when"])
        )
    plain_console().print(table)


def inspect(
    checkpoint: CheckpointOption = DEFAULT_CHECKPOINT,
    scenario: ScenarioOption = None,
    plan: PlanOption = None,
    data: DataOption = None,
    phase: Annotated[int, typer.Option(help="Which phase to show, from 1.")] = 1,
    output: Annotated[TableFormat, typer.Option("--format")] = TableFormat.TABLE,
) -> None:
    """Show what a plan trains and what it freezes, tensor by tensor, before anything runs."""
    if scenario is None and plan is None:
        scenario = "heads-only"
    chosen = choose(checkpoint, scenario, plan, data)
    tables = parameter_tables(chosen.plan, chosen.model)
    if not 1 <= phase <= len(tables):
        raise InvalidPlan(
            f"--phase {phase}: '{chosen.plan.name}' has {len(tables)} "
            f"phase{'s' if len(tables) > 1 else ''}, counted from 1."
        )
    shown = tables[phase - 1]
    match output:
        case TableFormat.JSON:
            name = chosen.scenario or chosen.plan.name
            _print_json(as_json(tables, phase, chosen.checkpoint.name, name))
        case TableFormat.CSV:
            sys.stdout.write(as_csv(shown))
        case TableFormat.MARKDOWN:
            sys.stdout.write(as_markdown(shown))
        case TableFormat.LISTING:
            sys.stdout.write(listing(shown))
        case TableFormat.TABLE:
            _print_table(shown, chosen.checkpoint.name, len(tables))


def plan(
    checkpoint: CheckpointOption = DEFAULT_CHECKPOINT,
    scenario: ScenarioOption = None,
    data: DataOption = None,
) -> None:
    """Print a scenario's plan as YAML, to edit and pass to --plan."""
    chosen = choose(checkpoint, scenario, None, data)
    sys.stdout.write(plan_to_yaml(chosen.plan))


def _print_table(table: ParameterTable, checkpoint: str, phases: int) -> None:
    totals, console = table.totals, plain_console()
    where = f", phase {table.phase_number} of {phases}: {table.phase.name}" if phases > 1 else ""
    console.print(
        f"{totals.trainable:,} of {totals.all:,} parameters learn "
        f"({totals.trainable_share:.3%}) · {checkpoint} · {table.plan.name}{where}"
    )
    drawn = _table("state", "parameter", "shape>", "count>", "group", "rate>")
    for row in table.rows:
        state = Text(f"{SIGNS[row.state]} {row.state}", style=_COLOURS[row.state])
        count = f"{row.count:,}" if row.tied_to is None else f"tied to {row.tied_to}"
        rate = rate_text(row.learning_rate)
        drawn.add_row(state, row.name, shape_text(row.shape), count, row.group, rate)
    console.print(drawn)
    console.print(
        f"{totals.trainable:,} trainable + {totals.frozen:,} frozen + "
        f"{totals.unreached:,} unreached = {totals.all:,}"
    )
    if totals.unreached:
        console.print("Unreached: the plan lets it learn, but no task's loss sends it a gradient.")


def _table(*columns: str) -> Table:
    """A table whose columns ending in > stand to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column.endswith(">")
        table.add_column(column.rstrip(">"), justify="right" if right else "left", overflow="fold")
    return table


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
