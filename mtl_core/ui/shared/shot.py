"""Screenshot mode: a page with a fixed width, without controls and navigation, for documents.

The query parameter `shot=1` switches it on. The page is 1440 by 900 pixels, or longer on Compare,
on Guide and for a long plan; `shot=screen` limits Compare to 900 pixels. The theme is set by
Streamlit's `embed_options`, which needs `embed=true`. The Export popovers link to it.
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
"""The size of the picture in pixels; a larger window adds only margins."""

_PADDING = 76  # left and right of the page in a window of that width
_WHOLE, _SCREEN = "1", "screen"
_THEMES = {"light": ":material/light_mode:", "dark": ":material/dark_mode:"}


def taking_shot() -> bool:
    """Whether the page is in screenshot mode."""
    return st.query_params.get(Key.SHOT) in (_WHOLE, _SCREEN)


def one_screen() -> bool:
    """Whether the screenshot of a long page is limited to one screen."""
    return st.query_params.get(Key.SHOT) == _SCREEN


def tooltip(text: str | None) -> str | None:
    """The tooltip of an element; None in screenshot mode, where it cannot be opened."""
    return None if taking_shot() else text


@contextmanager
def frame() -> Iterator[None]:
    """In screenshot mode, draw the page with a fixed width and a footer; otherwise no effect."""
    if not taking_shot():
        yield
        return
    with st.container(width=SHOT_WIDTH - 2 * _PADDING):
        yield
        st.caption(
            f"Freeze Lab {__version__} · screenshot taken {moment(datetime.now().astimezone())}"
        )


def picture_popover() -> None:
    """Draw an Export popover with links to screenshots only."""
    with st.popover("Export", icon=":material/download:"):
        shot_links()


def shot_links(first_screen: bool = False) -> None:
    """Draw links to the page in screenshot mode, one per theme.

    With `first_screen`, also draw links to the part of the page that fits one screen.
    """
    if first_screen:
        _links(f"First {SHOT_WIDTH} × {SHOT_HEIGHT} pixels for a screenshot", _SCREEN)
    _links("Page for a screenshot", _WHOLE)


def _links(label: str, shot: str) -> None:
    address = str(st.context.url or "").partition("?")[0]
    others = {name: value for name, value in st.query_params.to_dict().items() if name != Key.SHOT}
    for theme, icon in _THEMES.items():
        query = {**others, Key.SHOT: shot, "embed": "true", "embed_options": f"{theme}_theme"}
        st.link_button(
            f"{label}, {theme}",
            f"{address}?{urlencode(query)}",
            icon=icon,
            width="stretch",
            key=f"{Key.SHOT}_{shot}_{theme}",
        )
