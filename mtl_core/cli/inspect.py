"""The `inspect` command: prints the parameter table of a plan."""

import sys
from typing import Annotated, Any

import typer
from rich.text import Text

from mtl_core.cli.console import plain_console, plain_table, print_json
from mtl_core.cli.model_and_plan import load_model_and_plan
from mtl_core.cli.options import (
    CheckpointOption,
    DataOption,
    PlanOption,
    ScenarioOption,
    TableFormat,
)
from mtl_core.cli.run_options import run_options
from mtl_core.errors import InvalidPlan
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.freezing.table_text import (
    SIGNS,
    as_csv,
    as_json,
    as_markdown,
    listing,
    marked_rate,
    no_effect_notes,
    shape_text,
)
from mtl_core.models.catalogue import EMBEDDED
from mtl_core.models.checkpoint_notes import checkpoint_notes
from mtl_core.tasks.data_notes import data_notes
from mtl_core.text import percent
from mtl_core.training.options import RunOptions

_COLOURS = {State.TRAINABLE: "dark_orange3", State.FROZEN: "deep_sky_blue3", State.UNREACHED: "dim"}


@run_options(RunOptions, only={"sentence_vector"})
def inspect(
    checkpoint: CheckpointOption = EMBEDDED,
    scenario: ScenarioOption = None,
    plan: PlanOption = None,
    data: DataOption = None,
    *,
    options: dict[str, Any],
    phase: Annotated[int, typer.Option(help="The phase to show, from 1.")] = 1,
    output: Annotated[TableFormat, typer.Option("--format")] = TableFormat.TABLE,
) -> None:
    """Show which tensors a plan trains and freezes, and how data are read."""
    if scenario is None and plan is None:
        scenario = "heads-only"
    loaded = load_model_and_plan(checkpoint, scenario, plan, data, options["sentence_vector"])
    tables = parameter_tables(loaded.plan, loaded.model)
    if not 1 <= phase <= len(tables):
        raise InvalidPlan(
            f"--phase {phase}: '{loaded.plan.name}' has {len(tables)} "
            f"phase{'s' if len(tables) > 1 else ''}, counted from 1."
        )
    shown = tables[phase - 1]
    notes = data_notes(loaded.dataset) if loaded.dataset else ()
    of_weights = checkpoint_notes(loaded.checkpoint, loaded.model.backbone)
    about_checkpoint = (
        *loaded.model.backbone.notes,
        *of_weights.problems,
        *of_weights.remarks,
    )
    match output:
        case TableFormat.JSON:
            name = loaded.scenario or loaded.plan.name
            document = as_json(tables, phase, loaded.checkpoint.name, name)
            own = {"checkpoint_notes": list(about_checkpoint), "data_notes": list(notes)}
            print_json(document | own)
        case TableFormat.CSV:
            sys.stdout.write(as_csv(shown))
        case TableFormat.MARKDOWN:
            sys.stdout.write(as_markdown(shown))
        case TableFormat.LISTING:
            sys.stdout.write(listing(shown))
        case TableFormat.TABLE:
            _print_table(shown, loaded.checkpoint.name, len(tables))
            for note in about_checkpoint:
                plain_console().print(f"Checkpoint: {note}", soft_wrap=True)
            for note in notes:
                plain_console().print(f"Data: {note}", soft_wrap=True)


def _print_table(table: ParameterTable, checkpoint: str, phases: int) -> None:
    totals, console = table.totals, plain_console()
    where = f", phase {table.phase_number} of {phases}: {table.phase.name}" if phases > 1 else ""
    console.print(
        f"{totals.trainable:,} of {totals.all:,} parameters are trainable "
        f"({percent(totals.trainable_share, 3)}) · {checkpoint} · {table.plan.name}{where}"
    )
    rows = plain_table("state", "parameter", "shape>", "count>", "group", "rate>")
    for row in table.rows:
        state = Text(f"{SIGNS[row.state]} {row.state}", style=_COLOURS[row.state])
        count = f"{row.count:,}" if row.tied_to is None else f"tied to {row.tied_to}"
        rows.add_row(state, row.name, shape_text(row.shape), count, row.group, marked_rate(row))
    console.print(rows)
    console.print(
        f"{totals.trainable:,} trainable + {totals.frozen:,} frozen + "
        f"{totals.unreached:,} unreached = {totals.all:,}"
    )
    if totals.unreached:
        console.print("Unreached: selected by the plan, but no task's loss sends it a gradient.")
    for note in no_effect_notes(table):
        console.print(note, soft_wrap=True)
