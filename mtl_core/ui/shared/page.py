"""Elements that every page has: headline, facts, buttons, notes and the logo."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.pages_manager import PagesManager

from mtl_core.app_files import app_folder
from mtl_core.charts.theme import DARK, Palette, palette
from mtl_core.text import visible
from mtl_core.ui.shared.keys import Key

STATIC = app_folder() / "static"

_SEPARATOR = " · "
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~$:])")


def require_app_entry() -> None:
    """Rerun the session through `app.py` if Streamlit ran a page file directly.

    Call it first in every page. Until `app.py` has declared its pages once, Streamlit builds the
    navigation from the folder `pages/`. If the first visit after a start is to `/train`, the page
    has no header and no navigation. This lasts, for all visitors, until `/` is opened. Only the
    first run of a session is restarted, because a rerun loses clicks.
    """
    if PagesManager.uses_pages_directory and Key.CHOICE not in st.session_state:
        PagesManager.uses_pages_directory = False
        st.rerun()


def header(
    answer: str, facts: Sequence[str], buttons: int = 3, key: str | None = None
) -> DeltaGenerator:
    """Draw the headline and the facts; return a container for up to three `buttons` to the right.

    `answer` is Markdown and the page's only h1. `facts` (checkpoint, plan, learning rates, data,
    seed, date) document the page in a screenshot. Pass text entered by users through `plain` first.
    `key` is for the styles of a headline that changes (`whole_page.css`).
    """
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        gap="medium",
    ):
        with st.container(gap=None, width=_TITLE_WIDTHS[buttons], key=key):
            st.markdown(f"# {answer}")
            st.caption(_SEPARATOR.join(fact for fact in facts if fact))
        return st.container(horizontal=True, gap="small", width="content")


# Widths by number of buttons: a title with width "stretch" becomes too narrow on a phone.
_TITLE_WIDTHS = {1: 1080, 2: 980, 3: 860}


def one_of_two_places(*, second: bool) -> DeltaGenerator:
    """Return a container for the rest of a page that shows one of two things.

    In one place, elements of the first would be replaced by those of the second one by one, and all
    below them would move each time. With two places, those of the first are removed at once.
    """
    if second:
        st.empty()
        return st.container()
    first = st.container()
    st.empty()
    return first


def wide_columns(
    name: str, widths: Sequence[int], gap: Literal["medium", "large"] = "medium"
) -> Sequence[DeltaGenerator]:
    """Columns for pictures and tables: below each other on screens of up to 900 pixels.

    Those of Streamlit are below each other up to 640 pixels, where a third of the width is too
    narrow for a picture with text. `name` is unique on the page (`whole_page.css`).
    """
    with st.container(key=f"wide_columns_{name}"):
        return st.columns(widths, gap=gap)


def show_ignored(notes: Sequence[str]) -> None:
    """Draw a warning, e.g. about values of the address that were ignored and replaced."""
    if notes:
        st.warning("  \n".join(plain(note) for note in notes), icon=":material/info:")


def plain(text: str) -> str:
    """Escape `text` for Markdown, without control characters. Use it for all text of users."""
    return _MARKDOWN.sub(r"\\\1", visible(text))


def spinner_unless(immediate: bool, text: str) -> AbstractContextManager[None]:
    """`st.spinner`, or nothing for what takes no time: each spinner starts a thread."""
    return nullcontext() if immediate else st.spinner(text)


def current_palette() -> Palette:
    """The palette of the theme in the visitor's browser."""
    return palette(st.context.theme.type)


Hue = Literal["violet", "green", "gray", "blue", "red", "orange"]
_HUES: tuple[Hue, ...] = ("violet", "green")
"""Streamlit's colour names, which the theme maps to the colours of the tasks."""


def hue(number: int) -> Hue:
    """The colour name of task `number`, counted from 0, for Markdown and metrics."""
    return _HUES[number] if number < len(_HUES) else "gray"


def logo() -> None:
    """Draw the logo at the top left, in the color of the visitor's theme."""
    st.logo(str(STATIC / f"logo-{current_palette().name}.svg"), size="medium")


def to_train_button(query: Mapping[str, str], colors: Palette) -> None:
    """Draw the button that opens the Train page with the same settings; it starts no run.

    In the dark theme it is a secondary button. No primary color has enough contrast both for the
    label of a selected pill and behind the white text of a button.
    """
    if st.button(
        "Train this plan",
        key=Key.TRAIN_PLAN,
        icon=":material/play_arrow:",
        type="secondary" if colors is DARK else "primary",
    ):
        st.switch_page("pages/train.py", query_params=dict(query))


def download(label: str, name: str, mime: str, key: str, make: Callable[[], str | bytes]) -> None:
    """Draw a wide download button. `make` creates the file's content when it is clicked."""
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
