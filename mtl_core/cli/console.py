"""Tables, JSON and the console of the command line."""

import json
import os
import sys

from rich.console import Console
from rich.table import Table


def plain_console(width: int = 200) -> Console:
    """A Rich console for standard output; `width` columns wide if that is not a terminal.

    Markup and emoji codes are off, because names and paths may contain `[old]` or `:heart:`.
    """
    is_terminal = sys.stdout.isatty()
    return Console(width=None if is_terminal else width, markup=False, emoji=False, highlight=False)


def plain_table(*columns: str) -> Table:
    """A Rich table without a border. Columns whose name ends in `>` are right-aligned."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column.endswith(">")
        table.add_column(column.rstrip(">"), justify="right" if right else "left", overflow="fold")
    return table


def print_json(value: object) -> None:
    """Print a value as indented JSON with unescaped Unicode."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def discard_stdout() -> None:
    """Redirect standard output to the null device, because its reader closed the pipe.

    Python would otherwise print an error when it flushes the pipe at exit.
    """
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - open until the process ends
