"""Renders the note as one HTML file that opens offline.

Each figure is included as SVG in light and in dark, and can be saved as SVG or PNG. A content
security policy forbids the file to load anything.
"""

from functools import cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mtl_core.charts.theme import Figure
from mtl_core.export.svg import svg_of
from mtl_core.export.svg_elements import replace_forbidden
from mtl_core.report.blocks import Block, Note

SVG_WIDTH = 520
_LONG = 40  # characters; longer cells may break anywhere
_WORDS = 14  # characters; longer cells may break between words
_FOLDER = Path(__file__).parent


def as_html(note: Note) -> str:
    """Renders the page. All text of the note is escaped."""
    return (
        _environment()
        .get_template("note.html.jinja")
        .render(
            note=note,
            sections=[(section.title, _groups(section.blocks)) for section in note.sections],
            style=_safe_file("note.css"),
            script=_safe_file("note.js"),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_without_forbidden,
    )
    environment.globals.update(svg=_svg, cell_class=_cell_class, unbroken=_unbroken)
    return environment


def _without_forbidden(value: object) -> object:
    """Replaces the characters that HTML forbids in text; leaves markup and numbers unchanged."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return replace_forbidden(value)
    return value


def _groups(blocks: tuple[Block, ...]) -> list[tuple[str, list[Block]]]:
    """Neighbouring blocks of one type, with the type's name."""
    return [(kind.__name__, list(group)) for kind, group in groupby(blocks, type)]


def _svg(figure: Figure, name: str) -> Markup:
    return Markup(svg_of(figure, str(name), SVG_WIDTH))  # noqa: S704 - svg_of escapes its texts


def _cell_class(text: str, is_number: bool) -> str:
    """The CSS class of a table cell; empty for none."""
    if text == "best":
        return "best"
    if len(text) > _LONG:
        return "long"
    if is_number:
        return "right"
    return "words" if " " in text and len(text) > _WORDS else ""


def _unbroken(column: str) -> str:
    """A column title with non-breaking spaces around its equals sign."""
    return column.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")


def _safe_file(name: str) -> Markup:
    return Markup((_FOLDER / name).read_text(encoding="utf-8"))  # noqa: S704 - our own file
