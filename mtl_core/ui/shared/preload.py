"""Loads the libraries of the pages when the server starts, apart from any visit.

Otherwise the first visitor waits for them. A full garbage collection also visits every object of
every module, which stops all visitors for a quarter of a second; `gc.freeze` takes them out.
"""

import gc
import pkgutil
import threading
from importlib import import_module

from mtl_core import ui

_LAZY = ("pandas.io.formats.style", "plotly.graph_objects", "pyarrow")
"""What the pages import only when they draw a figure or a table."""


_SERVER = "mtl_core.ui.shared.server"  # running already, and an import would start it again


def preload() -> threading.Thread:
    """Import the modules of the pages in a thread; return it, already started."""
    thread = threading.Thread(target=_load, name="preload", daemon=True)
    thread.start()
    return thread


def _load() -> None:
    for name in _LAZY:
        import_module(name)
    for module in pkgutil.walk_packages(ui.__path__, f"{ui.__name__}."):
        if module.name != _SERVER:
            import_module(module.name)
    gc.collect()
    gc.freeze()
