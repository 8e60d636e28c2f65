"""Rows as CSV. A cell that a spreadsheet would take for a formula gets an apostrophe before it."""

import csv
import io
from collections.abc import Iterable, Sequence

Cell = str | int | float | None
_FORMULA = ("=", "+", "-", "@", "\t", "\n")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Rows under their titles; None is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_guarded(name) for name in columns])
    writer.writerows([_guarded(cell) for cell in row] for row in rows)
    return text.getvalue()


def _guarded(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    lines = "\n".join(cell.splitlines()) if "\r" in cell else cell  # unquoted, it ends a row
    return f"'{lines}" if lines.startswith(_FORMULA) else lines
