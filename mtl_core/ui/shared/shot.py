"""A page as a picture for a document: a fixed size, no controls, no navigation.

`?shot=1` asks for it: 1440 by 900 pixels, but for Compare and the Guide, which are as long as what
they hold, and a long plan; of Compare `?shot=screen` takes what fits that size. Light or dark is
Streamlit's own `embed_options`, which hold only with `embed=true`; both are in the links that the
Export popovers give.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import urlencode

import streamlit as st

from mtl_core import __version__
from mtl_core.report.run_words import moment
from mtl_core.ui.shared.keys import Key

SHOT_WIDTH = 1440
SHOT_HEIGHT = 900
"""Pixels of the picture; a larger window adds nothing but margin."""

_PADDING = 76  # on either side, as the page has it in a window of that width
_WHOLE, _SCREEN = "1", "screen"
_THEMES = {"light": ":material/light_mode:", "dark": ":material/dark_mode:"}


def taking_shot() -> bool:
    """Whether this page is to be drawn as a picture."""
    return st.query_params.get(Key.SHOT) in (_WHOLE, _SCREEN)


def one_screen() -> bool:
    """Whether a long page is to be drawn only as far as it fits one screen."""
    return st.query_params.get(Key.SHOT) == _SCREEN


def tooltip(text: str | None) -> str | None:
    """What an element tells when it is pointed at; nothing in a picture, where its sign would
    only puzzle."""
    return None if taking_shot() else text


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


def shot_links(first_screen: bool = False) -> None:
    """Links to the same page as a picture, in each theme; on demand also to no more of it than
    fits one screen."""
    if first_screen:
        _links(f"First {SHOT_WIDTH} × {SHOT_HEIGHT} to screenshot", _SCREEN)
    _links("Page to screenshot", _WHOLE)


def _links(label: str, shot: str) -> None:
    address = str(st.context.url or "").partition("?")[0]
    kept = {name: value for name, value in st.query_params.to_dict().items() if name != Key.SHOT}
    for theme, icon in _THEMES.items():
        query = {**kept, Key.SHOT: shot, "embed": "true", "embed_options": f"{theme}_theme"}
        st.link_button(
            f"{label}, {theme}",
            f"{address}?{urlencode(query)}",
            icon=icon,
            width="stretch",
            key=f"{Key.SHOT}_{shot}_{theme}",
        )
