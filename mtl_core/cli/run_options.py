"""Adds the options of a run (`training.options`) to a command."""

import inspect
from collections.abc import Callable, Collection
from functools import wraps
from typing import Annotated, Any, get_origin

import typer
from pydantic.fields import FieldInfo

from mtl_core.cli.task_values import device_called, examples_by_task, noise_by_task
from mtl_core.training.options import Option, ScalarOptions, flag_of, options_of

_PARSERS: dict[str, Callable[[Any], object]] = {
    "examples": examples_by_task,
    "label_noise": noise_by_task,
    "also_evaluate": tuple,
    "device": device_called,
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
            options = {name: _value(name, chosen[name][0], given.pop(name)) for name in chosen}
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
            default=_default(field),
            annotation=Annotated[
                _type(name, field),
                typer.Option(
                    flag_of(name, field, option), metavar=option.metavar, help=option.help
                ),
            ],
        )
        for name, (field, option) in chosen.items()
    ]


def _type(name: str, field: FieldInfo) -> Any:
    """The type that Typer parses; what it cannot parse comes as text."""
    if get_origin(field.annotation) in (dict, tuple):
        return list[str] | None
    return str if name in _PARSERS else field.annotation


def _default(field: FieldInfo) -> object:
    """The default on the command line; a switch that is on by default is off as a `--no-` flag."""
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
