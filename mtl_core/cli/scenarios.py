"""The `scenarios` command: lists the scenarios that fit a checkpoint."""

from typing import Annotated

import typer

from mtl_core.cli.console import plain_console, plain_table, print_json
from mtl_core.cli.model_and_plan import load_model
from mtl_core.cli.options import CheckpointOption, DataOption, ListFormat
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.freezing.scenarios import scenarios as scenarios_of
from mtl_core.lessons.scenario_lessons import lesson
from mtl_core.models.catalogue import EMBEDDED


def scenarios(
    checkpoint: CheckpointOption = EMBEDDED,
    data: DataOption = None,
    output: Annotated[ListFormat, typer.Option("--format")] = ListFormat.TABLE,
) -> None:
    """List the scenarios that fit a checkpoint: phases, what is trained, when to use each."""
    _, model = load_model(checkpoint, data)
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
        print_json(rows)
        return
    table = plain_table("name", "phases>", "trained parts", "parameters>", "when to use it")
    for row in rows:
        numbers = f"{row['trainable']:,}"
        table.add_row(
            str(row["name"]), str(row["phases"]), str(row["learns"]), numbers, str(row["when"])
        )
    plain_console().print(table)
