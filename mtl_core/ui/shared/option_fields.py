"""The fields of the rarer options of a run, drawn from their definitions."""

from collections.abc import Callable
from typing import get_args

import streamlit as st
from pydantic.fields import FieldInfo

from mtl_core.engine.machine import usable_devices
from mtl_core.training.options import Option, ScalarOptions, options_of

_WIDTH = 160


def option_fields(
    values: ScalarOptions,
    key_of: Callable[[str], str],
    before: Callable[[str], None] | None = None,
) -> dict[str, float | bool | str]:
    """Draw a field for each option that has a label; return the chosen values by field name.

    `key_of` gives a field's widget key. `before` is called just before a field is drawn. An
    emptied field has the default. An option with only one possible value has no field. Numbers have
    no limits here, because the browser would not send what is outside of them and name no reason:
    the caller validates them.
    """
    chosen: dict[str, float | bool | str] = {}
    for name, (field, option) in options_of(ScalarOptions).items():
        value = getattr(values, name)
        choices = _choices(name, field, value)
        if option.label is None or choices == (value,):
            continue
        if before is not None:
            before(name)
        key = key_of(name)
        found = _selected(option, choices, value, key) if choices else _field(option, value, key)
        chosen[name] = field.default if found is None else found
    return chosen


def _choices(name: str, field: FieldInfo, value: object) -> tuple[str, ...]:
    """The names that an option may have on this machine; empty for a number or a switch."""
    names: tuple[str, ...] = get_args(field.annotation)
    if name != "device":
        return names
    offered = (*usable_devices(), value)
    return tuple(each for each in names if each in offered)


def _selected(option: Option, choices: tuple[str, ...], value: str, key: str) -> str:
    return st.selectbox(
        str(option.label),
        choices,
        index=choices.index(value),
        key=key,
        width=_WIDTH,
        help=option.help,
    )


def _field(option: Option, value: float | bool, key: str) -> float | bool | None:
    label = str(option.label)
    if isinstance(value, bool):
        return st.toggle(label, key=key, help=option.help)
    return st.number_input(
        label,
        value=value,
        step=option.step,
        format="%g",
        key=key,
        width=_WIDTH,
        help=option.help,
    )
