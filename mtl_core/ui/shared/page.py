"""What every page has: the answer as its headline, the facts under it, buttons to the right."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.pages_manager import PagesManager

from mtl_core.app_files import app_folder
from mtl_core.charts.theme import DARK, Palette, palette
from mtl_core.ui.shared.keys import Key

STATIC = app_folder() / "static"

_SEPARATOR = " · "
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~$:])")


def require_app_entry() -> None:
    """Rerun the session through `app.py` if Streamlit ran a page file directly.

    Call it first in every page. Until `app.py` has declared its pages once, Streamlit builds the
    navigation from the folder `pages/`. A visit to `/train` right after the server starts would
    then show the page without the header and navigation of `app.py`, for every visitor until
    somebody opens `/`. Only the first run of a session is restarted, because a rerun loses clicks.
    """
    if PagesManager.uses_pages_directory and Key.CHOICE not in st.session_state:
        PagesManager.uses_pages_directory = False
        st.rerun()


def header(answer: str, facts: Sequence[str], buttons: int = 3) -> DeltaGenerator:
    """Draw the page's first two rows; return the place for at most three `buttons` at the right.

    `answer` is Markdown and the page's only h1. `facts` (checkpoint, plan, rates, data, seed,
    date) are joined by dots, so that a screenshot tells where its numbers come from; pass what a
    user typed through `plain` first.
    """
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        gap="medium",
    ):
        with st.container(gap=None, width=_TITLE_WIDTHS[buttons]):
            st.markdown(f"# {answer}")
            st.caption(_SEPARATOR.join(fact for fact in facts if fact))
        return st.container(horizontal=True, gap="small", width="content")


# A title that stretches beside buttons is squeezed on a phone; a width, by their number, is not.
_TITLE_WIDTHS = {1: 1080, 2: 980, 3: 860}


def show_ignored(notes: Sequence[str]) -> None:
    """Say which values of the address were ignored, and what stands in their place."""
    if notes:
        st.warning("  \n".join(plain(note) for note in notes), icon=":material/info:")


def plain(text: str) -> str:
    """`text` with everything Markdown would read as a sign escaped: what users type stays text."""
    return _MARKDOWN.sub(r"\\\1", text)


def current_palette() -> Palette:
    """The palette of the theme that this visitor's browser shows."""
    return palette(st.context.theme.type)


Hue = Literal["violet", "green", "gray", "blue", "red", "orange"]
_HUES: tuple[Hue, ...] = ("violet", "green")
"""Streamlit's colour names, which the theme maps to the colours of the tasks."""


def hue(number: int) -> Hue:
    """The colour name of task `number`, counted from 0, for Markdown and metrics."""
    return _HUES[number] if number < len(_HUES) else "gray"


def logo() -> None:
    """The product's name at the top left, in the ink of the visitor's theme."""
    st.logo(str(STATIC / f"logo-{current_palette().name}.svg"), size="medium")


def to_train_button(query: Mapping[str, str], colors: Palette) -> None:
    """The main button of Freeze: on to Train with the same choices. It starts nothing.

    In the dark theme it is drawn as a secondary button: no one primary colour is both light enough
    for the label of a selected pill and dark enough behind a button's white text.
    """
    if st.button(
        "Train this plan",
        key=Key.TRAIN_PLAN,
        icon=":material/play_arrow:",
        type="secondary" if colors is DARK else "primary",
    ):
        st.switch_page("pages/train.py", query_params=dict(query))


def download(label: str, name: str, mime: str, key: str, make: Callable[[], str | bytes]) -> None:
    """A wide button in a popover whose file is made only when it is asked for."""
    st.download_button(
        label,
        data=make,
        file_name=name,
        mime=mime,
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
        key=key,
    )
