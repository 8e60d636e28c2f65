"""Adds the options of a run (`training.options`) to a command, and parses their values."""

import inspect
from collections.abc import Callable, Collection, Iterable
from functools import wraps
from typing import Annotated, Any, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from mtl_core.engine.machine import multiplies_fast_in_bfloat16
from mtl_core.errors import InvalidRun
from mtl_core.training.options import (
    DeviceName,
    Option,
    PrecisionName,
    ScalarOptions,
    flag_of,
    options_of,
)


def checked_rate(rate: float | None) -> float | None:
    """Return a learning rate unchanged. Raises InvalidRun unless it is above 0 and at most 10."""
    if rate is not None and not 0 < rate <= 10:
        raise InvalidRun(f"A learning rate of {rate:g}: it must be above 0 and at most 10.")
    return rate


def device_called(name: str) -> DeviceName:
    """Resolve the name of a device; imports torch unless it is `cpu`.

    Raises InvalidRun if the device is not available.
    """
    if name == "cpu":
        return "cpu"
    from mtl_core.training.device import resolve_device

    return resolve_device(name)


def precision_called(name: str, device: DeviceName) -> PrecisionName:
    """Resolve the name of a precision on a device.

    `auto` is bfloat16 where its matrix products are faster: on a processor with instructions for
    it, and on an NVIDIA GPU that has them. Raises InvalidRun for an unknown name.
    """
    if name == "auto":
        return "bfloat16" if _is_faster_in_bfloat16(device) else "float32"
    for known in get_args(PrecisionName):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise InvalidRun(
        f"There is no precision '{name}'. Available: {', '.join(get_args(PrecisionName))}, and "
        "auto, which selects one for this machine."
    )


def _is_faster_in_bfloat16(device: DeviceName) -> bool:
    if device == "cuda":
        from torch import cuda

        return bool(cuda.is_bf16_supported(including_emulation=False))
    return device == "cpu" and multiplies_fast_in_bfloat16()


def examples_by_task(values: Iterable[str]) -> dict[str, int]:
    """Parse `TASK=N` values. Raises InvalidRun."""
    numbers = {}
    for value in values:
        task, equals, number = value.partition("=")
        if not equals or not number.isdecimal() or int(number) < 1:
            raise InvalidRun(
                f"--examples {value}: write TASK=N with N from 1, e.g. --examples ner=50."
            )
        numbers[task] = int(number)
    return numbers


def noise_by_task(values: Iterable[str]) -> dict[str, float]:
    """Parse `TASK=SHARE` values. Raises InvalidRun for a share that is not a number."""
    shares = {}
    for value in values:
        task, _, share = value.partition("=")
        try:
            shares[task] = float(share)
        except ValueError:
            raise InvalidRun(
                f"--label-noise {value}: write TASK=SHARE with a share from 0 to 1, "
                "e.g. --label-noise sentiment=0.3."
            ) from None
    return shares


_PARSERS: dict[str, Callable[[Any], object]] = {
    "examples": examples_by_task,
    "label_noise": noise_by_task,
    "also_evaluate": tuple,
    "device": device_called,
    "precision": str,  # resolved with the device, by `precision_called`
}


def run_options(
    kind: type[ScalarOptions],
    *,
    only: Collection[str] | None = None,
    without: Collection[str] = (),
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a command with a command-line option for each option of `kind`.

    The command receives their values as its argument `options`, a dictionary by field name, and
    the options take the place of that argument in its help. `only` and `without` select some.
    """
    chosen = {
        name: each
        for name, each in options_of(kind).items()
        if name not in without and (only is None or name in only)
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def decorated(**given: Any) -> None:
            options: dict[str, Any] = {
                name: _value(name, chosen[name][0], given.pop(name)) for name in chosen
            }
            if "precision" in options:
                options["precision"] = precision_called(options["precision"], options["device"])
            command(**given, options=options)

        parameters: list[inspect.Parameter] = []
        for each in inspect.signature(command).parameters.values():
            parameters += _parameters(chosen) if each.name == "options" else [each]
        signature = inspect.Signature(parameters)
        decorated.__signature__ = signature  # type: ignore[attr-defined]
        decorated.__annotations__ = {each.name: each.annotation for each in parameters}
        return decorated

    return decorate


def _parameters(chosen: dict[str, tuple[FieldInfo, Option]]) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default(field, option),
            annotation=Annotated[
                _type(name, field, option),
                typer.Option(
                    flag_of(name, field, option), metavar=option.metavar, help=option.help
                ),
            ],
        )
        for name, (field, option) in chosen.items()
    ]


def _type(name: str, field: FieldInfo, option: Option) -> Any:
    """The type that Typer parses; what it cannot parse comes as text."""
    if get_origin(field.annotation) in (dict, tuple):
        return list[str] | None
    if option.of_checkpoint:
        return field.annotation | None  # type: ignore[operator]
    return str if name in _PARSERS else field.annotation


def _default(field: FieldInfo, option: Option) -> object:
    """The default on the command line; a switch that is on by default is off as a `--no-` flag.

    None for an option whose default depends on the checkpoint.
    """
    if option.of_checkpoint:
        return None
    default = field.get_default(call_default_factory=True)
    if default is True:
        return False
    return default if default not in ({}, ()) else None


def _value(name: str, field: FieldInfo, given: Any) -> object:
    if field.default is True:
        return not given
    parse = _PARSERS.get(name)
    if parse is None:
        return given
    return parse(given if given is not None else ())
