"""Where a run computes, and in what precision: the processor, or a card of this machine."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, get_args

import torch

from mtl_core.errors import InvalidRun
from mtl_core.training.options import DeviceName, PrecisionName


def devices_here() -> tuple[DeviceName, ...]:
    """The devices that torch can compute on here, the fastest kind first."""
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    order: tuple[DeviceName, ...] = ("cuda", "mps", "cpu")
    return tuple(name for name in order if here.get(name, True))


def chosen_device(asked: str) -> DeviceName:
    """The device a spec is to name: `auto` is the fastest kind here.

    Raises InvalidRun, naming what is here.
    """
    here = devices_here()
    if asked == "auto":
        return here[0]
    for name in here:
        if name == asked:
            return name
    is_known = asked in get_args(DeviceName)
    problem = f"The device '{asked}' is not here." if is_known else f"There is no device '{asked}'."
    raise InvalidRun(f"{problem} Here: {', '.join(here)}. `--device auto` takes the first of them.")


def random_numbers(device: torch.device) -> Any:
    """What holds the random state of a device: `get_rng_state()` and `set_rng_state(state)`."""
    return torch if device.type == "cpu" else torch.get_device_module(device)


def computing_in(precision: PrecisionName, device: torch.device) -> AbstractContextManager[None]:
    """A block in which the encoder's matrix products are made in `precision`, by autocast."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
