"""Values of options that several commands share: a rate, a device, and numbers by task."""

from collections.abc import Iterable

from mtl_core.errors import InvalidRun
from mtl_core.training.options import DeviceName


def checked_rate(rate: float | None) -> float | None:
    """The rate as it is. Raises InvalidRun for one that no plan may have."""
    if rate is not None and not 0 < rate <= 10:
        raise InvalidRun(f"A learning rate of {rate:g}: it must be above 0 and at most 10.")
    return rate


def device_called(name: str) -> DeviceName:
    """The device that is meant; torch is asked only for another than the processor.

    Raises InvalidRun for one that is not here.
    """
    if name == "cpu":
        return "cpu"
    from mtl_core.training.device import chosen_device

    return chosen_device(name)


def examples_by_task(given: Iterable[str]) -> dict[str, int]:
    """`TASK=N` each. Raises InvalidRun."""
    numbers = {}
    for each in given:
        task, equals, number = each.partition("=")
        if not equals or not number.isdecimal() or int(number) < 1:
            raise InvalidRun(
                f"--examples {each}: write TASK=N with N from 1, e.g. --examples ner=50."
            )
        numbers[task] = int(number)
    return numbers


def noise_by_task(given: Iterable[str]) -> dict[str, float]:
    """`TASK=SHARE` each. Raises InvalidRun for what is no number."""
    shares = {}
    for each in given:
        task, _, share = each.partition("=")
        try:
            shares[task] = float(share)
        except ValueError:
            raise InvalidRun(
                f"--label-noise {each}: write TASK=SHARE with a share from 0 to 1, "
                "e.g. --label-noise sentiment=0.3."
            ) from None
    return shares
