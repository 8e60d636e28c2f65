"""Imports the packages that every run needs, which takes seconds, once in a process."""

import gc
from functools import cache
from importlib import import_module

_MODULES = (
    "torch",
    "transformers.modeling_layers",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "mtl_core.models.load",
    "mtl_core.training.run",
)


@cache
def import_training_packages() -> None:
    """Import torch and transformers before the clock of a run starts.

    The garbage collector is off meanwhile and ignores the imported objects afterwards. There are
    hundreds of thousands of them, they live as long as the process, and each full collection would
    examine all of them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for name in _MODULES:
            import_module(name)
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
