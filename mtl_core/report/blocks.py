"""The parts of a report, independent of its format: text, tables and figures under headings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtl_core.analysis.summary import TaskProgress
from mtl_core.charts.theme import LIGHT
from mtl_core.freezing.titles import task_title
from mtl_core.report.panel import Drawing

NOTHING = "–"
_LEFT = ("Plan", "Rates", "Frozen, identical", "State", "Phase", "Learning rate", "Frozen tensors")


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text. The first column names its row; the columns `right` hold numbers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Code:
    """Preformatted text in a language, for example `sh` or `yaml`."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Drawings, side by side where there is room."""

    drawings: tuple[Drawing, ...]


Block = Text | Table | Code | Figures


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its content."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A note on one or several runs.

    `facts` are the settings behind its numbers, `warnings` the runs that have not finished.
    """

    title: str
    facts: tuple[str, ...]
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    made_with: str

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """The figures of the note, in order."""
        return tuple(
            drawing
            for section in self.sections
            for block in section.blocks
            if isinstance(block, Figures)
            for drawing in block.drawings
        )


def figures(drawings: Sequence[Drawing]) -> tuple[Block, ...]:
    """Wraps drawings in a block; empty without a drawing."""
    return (Figures(tuple(drawings)),) if drawings else ()


def table_of(rows: Sequence[Mapping[str, str]], left: Sequence[str] = ()) -> Table:
    """Builds a table of rows that may have different columns; an unknown value is a dash.

    Columns hold numbers unless they are in `left` or known to hold text.
    """
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    kept = [name for name in columns if any(row.get(name) for row in rows)]
    stay_left = (*_LEFT, *left)
    return Table(
        tuple(kept),
        tuple(tuple(row.get(name) or NOTHING for name in kept) for row in rows),
        frozenset(name for name in kept if name not in stay_left and " against " not in name),
    )


def task_titles(tasks: Sequence[TaskProgress]) -> dict[str, str]:
    """Maps the letters that represent tasks in narrow columns to the tasks' titles."""
    return {LIGHT.task(n).letter: task_title(task.task.name) for n, task in enumerate(tasks)}


def spelled(column: str, titles: Mapping[str, str]) -> str:
    """Replaces a task's letter by its title: `A change` -> `Sentiment change`."""
    letter, space, rest = column.partition(" ")
    return f"{titles[letter]}{space}{rest}" if letter in titles else column
