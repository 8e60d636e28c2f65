"""Imports the packages that every run needs, which takes seconds, once in a process."""

import gc
from functools import cache
from importlib import import_module

_MODULES = (
    "torch",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "mtl_core.models.load",
    "mtl_core.training.run",
)
_ENCODERS = "transformers.modeling_layers"  # imports torch's compiler and more


@cache
def import_training_packages(encoders: bool = True) -> None:
    """Import torch and transformers before the clock of a run starts.

    `encoders` includes transformers' model classes, which take a third of the time. A run that only
    reads stored outputs does not need them.

    The garbage collector is off meanwhile and ignores the imported objects afterwards. There are
    hundreds of thousands of them, they live as long as the process, and each full collection would
    examine all of them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for name in (*_MODULES, *([_ENCODERS] if encoders else [])):
            import_module(name)
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
