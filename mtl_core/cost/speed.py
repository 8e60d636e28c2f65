"""The training speed of this machine: four rates that convert FLOPs and bytes into seconds."""

import os
import platform
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from pydantic import PositiveFloat, ValidationError

from mtl_core.cost.estimate import StepCost
from mtl_core.models.cache import write_atomically
from mtl_core.settings import Settings
from mtl_core.values import Frozen


class Speed(Frozen):
    """Seconds per unit of work on a machine, measured by `cost.calibrate` with a small encoder.

    `keeping_seconds_per_byte` is the extra time of a forward pass in training mode, compared with
    evaluation mode, per byte of saved activations. Most of it is spent on dropout masks.
    """

    machine: str
    forward_seconds_per_flop: PositiveFloat
    keeping_seconds_per_byte: float
    backward_seconds_per_flop: PositiveFloat
    optimizer_seconds_per_parameter: PositiveFloat

    def seconds(self, cost: StepCost, reused: bool = False) -> float:
        """Estimate the seconds of one step, with or without reuse of the frozen part."""
        forward = cost.reused_forward_flops if reused else cost.forward_flops
        return (
            forward * self.forward_seconds_per_flop
            + cost.training_mode_bytes * self.keeping_seconds_per_byte
            + cost.backward_flops * self.backward_seconds_per_flop
            + cost.gradient_bytes / 4 * self.optimizer_seconds_per_parameter
        )


def machine(settings: Settings) -> str:
    """Describe the configuration that a measurement is valid for.

    Processor, number of cores, threads of a run, torch version and matrix product library.
    """
    cores = os.cpu_count() or 1
    processor = _processor() or platform.processor() or platform.machine()
    products = settings.matrix_products or "the processor's own"
    return (
        f"{processor}, {cores} cores, {settings.threads} threads, torch {version('torch')}, "
        f"{products} products"
    )


def load_speed(settings: Settings) -> Speed | None:
    """Load the saved speed; None if there is none or it is from a different configuration."""
    with suppress(OSError, ValidationError):
        speed = Speed.model_validate_json(_file(settings).read_bytes())
        if speed.machine == machine(settings):
            return speed
    return None


def save_speed(speed: Speed, settings: Settings) -> None:
    """Save a measurement. An error is ignored, because the speed can be measured again."""
    with suppress(OSError):
        write_atomically(_file(settings), speed.model_dump_json() + "\n")


def _file(settings: Settings) -> Path:
    return settings.costs / "speed.json"


def _processor() -> str | None:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return None
