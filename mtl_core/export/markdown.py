"""Renders the note as Markdown; its figures are files in a folder beside it."""

import re

from mtl_core.report.blocks import Block, Code, Figures, Note, Table, Text
from mtl_core.report.panel import Drawing

_SIGNS = re.compile(r"([\\`*_{}\[\]#|~$!])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def as_markdown(note: Note, figures: str) -> str:
    """Renders the note. `figures` is the relative path of the folder with the SVG files."""
    facts = " · ".join(escape_markdown(fact) for fact in note.facts if fact)
    parts = [f"# {escape_markdown(note.title)}", facts]
    parts += [f"> **Not finished.** {escape_markdown(warning)}" for warning in note.warnings]
    for section in note.sections:
        parts.append(f"## {escape_markdown(section.title)}")
        parts += [_block(block, figures) for block in section.blocks]
    parts.append(f"*{escape_markdown(note.made_with)}*")
    return "\n\n".join(parts) + "\n"


def escape_markdown(text: str) -> str:
    """Joins `text` to one line and escapes the syntax of Markdown and HTML."""
    one_line = " ".join(text.split())
    escaped = "".join(_ENTITIES.get(sign, sign) for sign in one_line)
    return _SIGNS.sub(r"\\\1", escaped)


def _block(block: Block, figures: str) -> str:
    match block:
        case Text(text):
            return escape_markdown(text)
        case Table():
            return _table(block)
        case Code(text, language):
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
            return f"{fence}{language}\n{text.rstrip()}\n{fence}"
        case Figures(drawings):
            return "\n\n".join(_figure(drawing, figures) for drawing in drawings)


def _table(table: Table) -> str:
    rules = ["--:" if name in table.right else "---" for name in table.columns]
    rows = [table.columns, *table.rows]
    lines = [f"| {' | '.join(escape_markdown(cell) for cell in row)} |" for row in rows]
    return "\n".join([lines[0], f"|{'|'.join(rules)}|", *lines[1:]])


def _figure(drawing: Drawing, figures: str) -> str:
    title = escape_markdown(f"{drawing.lead} {drawing.title}".strip())
    image = f"![{title}]({figures}/{drawing.name}.svg)"
    return f"**{title}**\n\n{image}\n\n{escape_markdown(drawing.caption)}"
