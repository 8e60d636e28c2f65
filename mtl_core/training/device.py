"""The device and the precision that a run computes in."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, get_args

import torch

from mtl_core.errors import InvalidRun
from mtl_core.training.options import DeviceName, PrecisionName


def available_devices() -> tuple[DeviceName, ...]:
    """Return the devices that torch can use on this machine, fastest kind first."""
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    order: tuple[DeviceName, ...] = ("cuda", "mps", "cpu")
    return tuple(name for name in order if here.get(name, True))


def resolve_device(name: str) -> DeviceName:
    """Return the device called `name`; `auto` is the fastest kind on this machine.

    Raises InvalidRun, with the available devices, if it is unknown or missing.
    """
    here = available_devices()
    if name == "auto":
        return here[0]
    for each in here:
        if each == name:
            return each
    is_known = name in get_args(DeviceName)
    problem = (
        f"The device '{name}' is not available." if is_known else f"There is no device '{name}'."
    )
    raise InvalidRun(f"{problem} Available: {', '.join(here)}. `--device auto` selects the first.")


def random_state_module(device: torch.device) -> Any:
    """Return the torch module with `get_rng_state()` and `set_rng_state(state)` of a device."""
    return torch if device.type == "cpu" else torch.get_device_module(device)


def autocast_to(precision: PrecisionName, device: torch.device) -> AbstractContextManager[None]:
    """Return a context in which matrix products are computed in `precision` by autocast."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
