"""Underlines the words of the glossary on a page; pointing at one or touching it explains it.

The browser marks the words with the CSS Custom Highlight API, so the elements of the page, which
belong to Streamlit, are not changed. Browsers without it show the page as it is. The Guide lists
all words for readers who use neither pointer nor touch.
"""

import json
from pathlib import Path

import streamlit as st

from mtl_core.charts.theme import Palette
from mtl_core.lessons.glossary import GLOSSARY

_JS = (
    Path(__file__)
    .with_name("words.js")
    .read_text(encoding="utf-8")
    .replace("WORDS_OF_THE_GLOSSARY", json.dumps(GLOSSARY))
)

_component = st.components.v2.component(
    "freeze_lab_words", html="<span></span>", js=_JS, isolate_styles=False
)


def explain_words(colors: Palette) -> None:
    """Mark the words on the current page. Call it once, after the page is drawn."""
    _component(
        data={
            "background": colors.ink,
            "ink": colors.background,
            "line": colors.muted,
        },
        key="glossary",
        height="content",
    )


def glossary_view() -> None:
    """All words with their explanations, as a list."""
    st.markdown("\n".join(f"- **{word}**: {text}" for word, text in GLOSSARY.items()))
