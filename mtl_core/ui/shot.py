"""A page as a picture for a document: a fixed width, no controls, no navigation.

`?shot=1` asks for it. Light or dark is Streamlit's own `embed_options`, which hold only with
`embed=true`; both are in the links that the Export popovers give.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import urlencode

import streamlit as st

from mtl_core import __version__
from mtl_core.lessons.run_words import moment
from mtl_core.ui.keys import Key

SHOT_WIDTH = 1440
"""Pixels of the picture; a wider window adds nothing but margin."""

_PADDING = 76  # on either side, as the page has it in a window of that width
_THEMES = {"light": ":material/light_mode:", "dark": ":material/dark_mode:"}


def taking_shot() -> bool:
    """Whether this page is to be drawn as a picture."""
    return st.query_params.get(Key.SHOT) == "1"


@contextmanager
def frame() -> Iterator[None]:
    """What a page draws within: a picture's fixed width and last line, else the page itself."""
    if not taking_shot():
        yield
        return
    with st.container(width=SHOT_WIDTH - 2 * _PADDING):
        yield
        st.caption(f"Freeze Lab {__version__} · pictured {moment(datetime.now().astimezone())}")


def picture_popover() -> None:
    """Links to a page as a picture, where it has nothing else to take along."""
    with st.popover("Export", icon=":material/download:"):
        shot_links()


def shot_links() -> None:
    """Links to the same page as a picture, in each theme."""
    address = str(st.context.url or "").partition("?")[0]
    kept = {name: value for name, value in st.query_params.to_dict().items() if name != Key.SHOT}
    for theme, icon in _THEMES.items():
        query = {**kept, Key.SHOT: "1", "embed": "true", "embed_options": f"{theme}_theme"}
        st.link_button(
            f"Page to screenshot, {theme}",
            f"{address}?{urlencode(query)}",
            icon=icon,
            width="stretch",
            key=f"{Key.SHOT}_{theme}",
        )
