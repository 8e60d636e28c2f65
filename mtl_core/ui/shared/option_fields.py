"""The fields of the rarer options of a run, drawn from their definitions."""

from collections.abc import Callable

import streamlit as st
from pydantic.fields import FieldInfo

from mtl_core.training.options import Option, ScalarOptions, bounds, options_of

_WIDTH = 160


def option_fields(
    values: ScalarOptions,
    key_of: Callable[[str], str],
    before: Callable[[str], None] | None = None,
) -> dict[str, float | bool]:
    """Draw a field for each option that has a label; return the chosen values by field name.

    `key_of` gives a field's widget key. `before` is called just before a field is drawn. An
    emptied field has the default.
    """
    chosen = {}
    for name, (field, option) in options_of(ScalarOptions).items():
        if option.label is not None:
            if before is not None:
                before(name)
            value = _field(field, option, getattr(values, name), key_of(name))
            chosen[name] = field.default if value is None else value
    return chosen


def _field(field: FieldInfo, option: Option, value: float | bool, key: str) -> float | bool | None:
    label = str(option.label)
    if isinstance(value, bool):
        return st.toggle(label, key=key, help=option.help)
    least, greatest = bounds(field)
    return st.number_input(
        label,
        min_value=least,
        max_value=greatest,
        value=value,
        step=option.step,
        format="%g",
        key=key,
        width=_WIDTH,
        help=option.help,
    )
