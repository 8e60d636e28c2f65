"""The note as Markdown, for documents that are kept as text; its figures are files beside it."""

import re

from mtl_core.report.blocks import Block, Code, Figures, Note, Table, Text
from mtl_core.report.drawings import Drawing

_SIGNS = re.compile(r"([\\`*_{}\[\]#|~$!])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def as_markdown(note: Note, figures: str) -> str:
    """The note; `figures` is the folder in which the SVG files lie, as seen from it."""
    parts = [f"# {plain(note.title)}", " · ".join(plain(fact) for fact in note.facts if fact)]
    parts += [f"> **Not finished.** {plain(warning)}" for warning in note.warnings]
    for section in note.sections:
        parts.append(f"## {plain(section.title)}")
        parts += [_block(block, figures) for block in section.blocks]
    parts.append(f"*{plain(note.made_with)}*")
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """`text` on one line, with everything that Markdown or HTML would read as a sign escaped."""
    one_line = " ".join(text.split())
    whole = "".join(_ENTITIES.get(sign, sign) for sign in one_line)
    return _SIGNS.sub(r"\\\1", whole)


def _block(block: Block, figures: str) -> str:
    match block:
        case Text(text):
            return plain(text)
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
    lines = [f"| {' | '.join(plain(cell) for cell in row)} |" for row in rows]
    return "\n".join([lines[0], f"|{'|'.join(rules)}|", *lines[1:]])


def _figure(drawing: Drawing, figures: str) -> str:
    title = plain(f"{drawing.lead} {drawing.title}".strip())
    return f"**{title}**\n\n![{title}]({figures}/{drawing.name}.svg)\n\n{plain(drawing.caption)}"
