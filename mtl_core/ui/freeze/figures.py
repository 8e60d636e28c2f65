"""The charts of the Freeze page, drawn once for all visitors who see the same plan.

Building a figure and converting it to a message takes more time than the rest of a rerun, and a
class looks at the same plans.
"""

import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

import streamlit as st
from cachetools import LRUCache
from cachetools.keys import hashkey

from mtl_core.charts.theme import Palette
from mtl_core.ui.shared.chart import chart
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

if TYPE_CHECKING:
    from plotly.graph_objs import Figure

_figures: "LRUCache[Hashable, Figure]" = LRUCache(256)
_lock = threading.Lock()


def shared_chart(
    key: Key,
    chosen: ResolvedChoice,
    colors: Palette,
    build: Callable[[], "Figure"],
    *values: Hashable,
    finding: str,
) -> None:
    """Draw the figure of this plan, phase and theme; call `build` if nobody has seen it yet.

    As `shared_figure`, for a chart in which nothing can be selected: its message is cached too.
    """
    if _is_typed(chosen):
        chart(build(), finding, key)
        return
    seen = hash((_seen(key, chosen, colors, values), finding))
    _chart(f"{seen:x}", build, finding, key)


@st.cache_data(max_entries=256, show_spinner=False)
def _chart(seen: str, _build: Callable[[], "Figure"], _finding: str, _key: Key) -> None:
    del seen  # only the key of the cache
    chart(_build(), _finding, _key)


def shared_figure(
    key: Key,
    chosen: ResolvedChoice,
    colors: Palette,
    build: Callable[[], "Figure"],
    *values: Hashable,
) -> "Figure":
    """Return the figure of this plan, phase and theme; call `build` if nobody has seen it yet.

    `values` are all other values that `build` uses. The figure must not be changed. Plans and rates
    that a visitor typed are not cached: their number is not bounded.
    """
    if _is_typed(chosen):
        return build()
    seen = _seen(key, chosen, colors, values)
    with _lock:
        figure = _figures.get(seen)
    if figure is None:
        figure = build()
        with _lock:
            _figures[seen] = figure
    return figure


def _is_typed(chosen: ResolvedChoice) -> bool:
    rates = chosen.choice.learning_rate, chosen.choice.head_learning_rate
    return bool(chosen.choice.plan) or rates != (None, None)


def _seen(
    key: Key, chosen: ResolvedChoice, colors: Palette, values: tuple[Hashable, ...]
) -> Hashable:
    return hashkey(
        key,
        chosen.checkpoint.reference,
        chosen.model,
        chosen.plan.model_dump_json(),
        chosen.choice.phase,
        colors.name,
        *values,
    )
