"""Labelled examples as lines of text, with the label in front or the entities highlighted."""

from collections.abc import Iterable

import streamlit as st

from mtl_core.tasks.overview import Shown
from mtl_core.ui.shared.page import Hue, plain

_LONGEST_EXAMPLE = 320  # characters


def examples_view(examples: Iterable[Shown], color: Hue) -> None:
    """Draw one line per example; labels and entities have the color of the task."""
    with st.container(gap="xsmall"):
        for example in examples:
            st.markdown(f":small[{_example(example, color)}]")


def _example(example: Shown, color: str) -> str:
    """An example as Markdown, with its label in front or its entities highlighted."""
    if example.label is not None:
        return f":{color}-badge[{_text(example.label)}] {_text(example.text)}"
    parts, position = [], 0
    for span in example.entities:
        parts.append(_text(" ".join(example.words[position : span.start])))
        entity = _text(" ".join(example.words[span.start : span.end]))
        parts.append(f":{color}-background[**{entity}** {_text(span.type)}]")
        position = span.end
    parts.append(_text(" ".join(example.words[position:])))
    return " ".join(filter(None, parts))


def _text(text: str) -> str:
    """Text of a data file on one line, shortened and escaped for Markdown."""
    line = " ".join(text.split())
    line = line if len(line) <= _LONGEST_EXAMPLE else f"{line[:_LONGEST_EXAMPLE]}…"
    return plain(line).replace("&", "&amp;")
