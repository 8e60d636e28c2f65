"""The note as one HTML file that opens anywhere: nothing in it is fetched, now or ever.

Each figure stands in it twice: as SVG, which is printed and shown where scripts are not allowed,
and as Plotly's values, drawn by the library inside the file. A content security policy forbids
the file to load anything.
"""

import json
from functools import cache
from itertools import groupby
from pathlib import Path

import plotly

from mtl_core.charts.theme import FONT_FAMILY
from mtl_core.export.svg import svg_of
from mtl_core.export.svg_parts import FONT, said
from mtl_core.report.blocks import Block, Code, Figures, Note, Table, Text
from mtl_core.report.drawings import Drawing

STILL_WIDTH = 520
_LONG = 40  # characters; longer cells may be broken anywhere
_WORDS = 14  # characters; longer cells may be broken between words
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)


def as_html(note: Note) -> str:
    """The whole page."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            _head(note),
            "<body>",
            "<main>",
            _header(note),
            *(_section(section.title, section.blocks) for section in note.sections),
            f"<footer>{said(note.made_with)}</footer>",
            "</main>",
            _scripts(note.drawings) if note.drawings else "",
            "</body>",
            "</html>",
            "",
        ]
    )


def _head(note: Note) -> str:
    return "\n".join(
        [
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{said(note.title)}</title>",
            f"<style>\n{_beside('note.css')}</style>",
            "</head>",
        ]
    )


def _header(note: Note) -> str:
    facts = " · ".join(said(fact) for fact in note.facts if fact)
    warnings = "".join(f"<p>{said(warning)}</p>" for warning in note.warnings)
    shown = f'\n<div class="warning" role="note">{warnings}</div>' if warnings else ""
    return f'<header>\n<h1>{said(note.title)}</h1>\n<p class="facts">{facts}</p>{shown}\n</header>'


def _section(title: str, blocks: tuple[Block, ...]) -> str:
    parts = []
    for kind, group in groupby(blocks, type):
        inside = "\n".join(_block(block, title) for block in group)
        parts.append(f'<div class="codes">\n{inside}\n</div>' if kind is Code else inside)
    inside = "\n".join(parts)
    return f"<section>\n<h2>{said(title)}</h2>\n{inside}\n</section>"


def _block(block: Block, title: str) -> str:
    match block:
        case Text(text):
            return f'<p class="quiet">{said(text)}</p>'
        case Table():
            return _table(block, title)
        case Code(text):
            return f"<pre><code>{said(text)}</code></pre>"
        case Figures(drawings):
            return f'<div class="figures">\n{"".join(map(_figure, drawings))}</div>'


def _table(table: Table, title: str) -> str:
    sides = [' class="right"' if name in table.right else "" for name in table.columns]
    head = "".join(
        f'<th scope="col"{side}>{said(name).replace(" = ", "&nbsp;=&nbsp;")}</th>'
        for name, side in zip(table.columns, sides, strict=True)
    )
    rows = "\n".join(f"<tr>{_row(row, sides)}</tr>" for row in table.rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{said(title)}">\n'
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>"
    )


def _row(row: tuple[str, ...], sides: list[str]) -> str:
    cells = [f'<th scope="row">{said(row[0])}</th>']
    for text, side in zip(row[1:], sides[1:], strict=True):
        look = ' class="words"' if not side and " " in text and len(text) > _WORDS else side
        look = ' class="long"' if len(text) > _LONG else look
        look = ' class="best"' if text == "best" else look
        cells.append(f"<td{look}>{said(text)}</td>")
    return "".join(cells)


def _figure(drawing: Drawing) -> str:
    lead = f'<span class="lead-{drawing.task}">{said(drawing.lead)}</span> ' if drawing.lead else ""
    name = said(drawing.name)
    spoken = f"{drawing.lead} {drawing.title}".strip()
    stills = "".join(
        f'<div class="still {theme}">{svg_of(figure, f"{spoken} ({theme})", STILL_WIDTH)}</div>\n'
        for theme, figure in (("light", drawing.light), ("dark", drawing.dark))
    )
    plot = f'<div class="plot" data-figure="{name}" role="img" aria-label="{said(spoken)}"></div>'
    return (
        f"<figure>\n<figcaption><h3>{lead}{said(drawing.title)}</h3>"
        f"<p>{said(drawing.caption)}</p></figcaption>\n<div>\n{stills}{plot}\n</div>\n</figure>\n"
    )


def _scripts(drawings: tuple[Drawing, ...]) -> str:
    figures = {each.name: {"light": each.light, "dark": each.dark} for each in drawings}
    # A `<` inside a script's data could end the script or begin a comment.
    values = json.dumps(figures, allow_nan=False).replace("<", "\\u003c")
    values = values.replace(json.dumps(FONT_FAMILY), json.dumps(FONT))
    return "\n".join(
        [
            f'<script type="application/json" id="figures">{values}</script>',
            f"<script>{_library()}</script>",
            f"<script>\n{_beside('note.js')}</script>",
        ]
    )


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


@cache
def _library() -> str:
    """plotly.js as the plotly package ships it."""
    library = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    return library.read_text(encoding="utf-8")
