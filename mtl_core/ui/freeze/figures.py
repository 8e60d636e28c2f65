"""The figures of the Freeze page, built once for all visitors who see the same plan.

Building a figure takes more time than the rest of a rerun, and a class looks at the same plans.
"""

import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from cachetools import LRUCache
from cachetools.keys import hashkey

from mtl_core.charts.theme import Palette
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

if TYPE_CHECKING:
    from plotly.graph_objs import Figure

_figures: "LRUCache[Hashable, Figure]" = LRUCache(256)
_lock = threading.Lock()


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
    choice = chosen.choice
    if choice.plan or choice.learning_rate is not None or choice.head_learning_rate is not None:
        return build()
    seen = hashkey(
        key,
        chosen.checkpoint.reference,
        chosen.model,
        chosen.plan.model_dump_json(),
        chosen.choice.phase,
        colors.name,
        *values,
    )
    with _lock:
        figure = _figures.get(seen)
    if figure is None:
        figure = build()
        with _lock:
            _figures[seen] = figure
    return figure
