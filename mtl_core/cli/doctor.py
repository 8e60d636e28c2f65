"""The `doctor` command: checks the installation."""

from typing import Annotated

import typer

from mtl_core.cli.console import plain_console, plain_table, print_json
from mtl_core.cli.options import ListFormat
from mtl_core.engine.doctor import findings
from mtl_core.settings import Settings

_TO_DO = 2


def doctor(
    form: Annotated[ListFormat, typer.Option("--format")] = ListFormat.TABLE,
) -> None:
    """Check the machine, the store, the weights, the cache and the disk, and print what to do.

    The exit code is 2 if there is something to do.
    """
    found = list(findings(Settings.from_environment()))
    if form is ListFormat.JSON:
        print_json([each.model_dump() for each in found])
    else:
        table = plain_table("check", "found", "to do")
        for each in found:
            table.add_row(each.check, each.found, each.remedy or "")
        plain_console().print(table)
    if any(each.remedy for each in found):
        raise typer.Exit(_TO_DO)
