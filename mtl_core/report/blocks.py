"""The parts that a note is made of: text, tables and figures under headings, in no format yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtl_core.analysis.summary import TaskProgress
from mtl_core.charts.theme import LIGHT
from mtl_core.freezing.titles import task_title
from mtl_core.report.drawings import Drawing

NOTHING = "–"
_LEFT = ("Plan", "Rates", "Frozen, identical", "State", "Phase", "Learning rate", "Frozen part")


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under titles. `right` are the titles of columns that hold numbers.

    The first column names its row.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be copied as it is, with what it is written in."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Drawings that stand side by side where there is room."""

    drawings: tuple[Drawing, ...]


Block = Text | Table | Code | Figures


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A note on one or several runs. `facts` say where its numbers come from; `warnings` what a
    reader must know before the first of them."""

    title: str
    facts: tuple[str, ...]
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    made_with: str

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """Every figure of the note, in its order."""
        return tuple(
            drawing
            for section in self.sections
            for block in section.blocks
            if isinstance(block, Figures)
            for drawing in block.drawings
        )


def figures(drawings: Sequence[Drawing]) -> tuple[Block, ...]:
    """The drawings as a section's blocks; none without a drawing."""
    return (Figures(tuple(drawings)),) if drawings else ()


def table_of(rows: Sequence[Mapping[str, str]], left: Sequence[str] = ()) -> Table:
    """Rows that may not all have the same columns; what is not known is a dash."""
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    kept = [name for name in columns if any(row.get(name) for row in rows)]
    stay_left = (*_LEFT, *left)
    return Table(
        tuple(kept),
        tuple(tuple(row.get(name) or NOTHING for name in kept) for row in rows),
        frozenset(
            name for name in kept if name not in stay_left and not name.endswith("against best")
        ),
    )


def task_titles(tasks: Sequence[TaskProgress]) -> dict[str, str]:
    """The tasks' titles by the letters that stand for them in a page's narrow columns."""
    return {LIGHT.task(n).letter: task_title(task.task.name) for n, task in enumerate(tasks)}


def spelled(column: str, titles: Mapping[str, str]) -> str:
    """`A change` -> `Sentiment change`."""
    letter, space, rest = column.partition(" ")
    return f"{titles[letter]}{space}{rest}" if letter in titles else column
