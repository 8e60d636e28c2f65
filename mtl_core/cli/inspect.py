"""Commands that look and change nothing: checkpoints, scenarios, inspect, plan."""

import json
import sys
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from mtl_core.analysis.words import in_percent
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
from mtl_core.freezing.table_text import (
    SIGNS,
    as_csv,
    as_json,
    as_markdown,
    listing,
    rate_text,
    shape_text,
)
from mtl_core.lessons.scenario_lessons import lesson
from mtl_core.models.facts import CheckpointFacts, checkpoint_facts

_COLOURS = {State.TRAINABLE: "dark_orange3", State.FROZEN: "deep_sky_blue3", State.UNREACHED: "dim"}


def checkpoints(
    output: Annotated[ListFormat, typer.Option("--format")] = ListFormat.TABLE,
) -> None:
    """List the checkpoints known by name, and whether their weights are on this machine."""
    known = checkpoint_facts()
    if output is ListFormat.JSON:
        _print_json([_checkpoint_row(each) for each in known])
        return
    columns = ("name", "architecture", "layers>", "hidden>", "parameters>", "MB>", "licence")
    table = _table(*columns, "weights", "suits")
    for each in known:
        table.add_row(
            each.name,
            each.architecture,
            *(f"{number:,}" for number in (each.layers, each.hidden_size, each.parameters)),
            f"{each.download_megabytes:,}",
            each.licence,
            "here" if each.weights_here else "not here",
            each.suits,
        )
    plain_console().print(table)


def _checkpoint_row(facts: CheckpointFacts) -> dict[str, object]:
    """All facts of one checkpoint, under the names that scripts read."""
    return {
        "name": facts.name,
        "architecture": facts.architecture,
        "layers": facts.layers,
        "hidden": facts.hidden_size,
        "parameters": facts.parameters,
        "weights": facts.weights_here,
        "summary": facts.summary,
        "licence": facts.licence,
        "hub_id": facts.hub_id,
        "title": facts.title,
        "suits": facts.suits,
        "domain": facts.domain,
        "cased": facts.cased,
        "tokenizer": facts.tokenizer,
        "layers_of_their_own": facts.layers_of_their_own,
        "vocabulary": facts.vocabulary_size,
        "max_tokens": facts.max_tokens,
        "embedding_parameters": facts.embedding_parameters,
        "download_megabytes": facts.download_megabytes,
    }


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
            "learns": each.trains,
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
        f"({in_percent(totals.trainable_share, 3)}) · {checkpoint} · {table.plan.name}{where}"
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
