"""The settings of the next run, beside the plan that the Freeze page chooses."""

import streamlit as st

from mtl_core.freezing.writing import rate_text
from mtl_core.models.description import Role
from mtl_core.settings import Settings
from mtl_core.ui.choice import seed_widget
from mtl_core.ui.chosen import Chosen
from mtl_core.ui.data_picker import data_picker
from mtl_core.ui.keys import Key


def run_settings(settings: Settings, chosen: Chosen) -> None:
    """The widgets: data, length, batches, seed, rates; the scenario's rates show until replaced."""
    backbone, heads = chosen.plan.rates_in(chosen.plan.phases[-1])
    with st.grid(7, min_column_width=120, gap="small"):
        data_picker(settings, chosen.choice.data)
        seed_widget(Key.EPOCHS)
        st.number_input(
            "Epochs",
            min_value=0.1,
            value=chosen.choice.epochs,
            step=1.0,
            format="%g",
            key=Key.EPOCHS,
        )
        _number(chosen, Key.BATCH_SIZE, "Batch size", least=1)
        _number(chosen, Key.MAX_LENGTH, "Max length", 8, 8, "Sub-words a sentence keeps.")
        _number(chosen, Key.SEED, "Seed", least=0)
        _rate(Key.LEARNING_RATE, "Rate of the encoder", backbone, chosen)
        _rate(Key.HEAD_LEARNING_RATE, "Rate of the heads", heads, chosen)


def _number(
    chosen: Chosen, key: Key, label: str, least: int, step: int = 1, help: str | None = None
) -> None:
    """A whole number. The default is the choice's too: a browser that draws the form in another
    place of the page, such as out of a folded one, forgets the value it was given."""
    seed_widget(key)
    value: int = getattr(chosen.choice, key)
    st.number_input(label, min_value=least, value=value, step=step, key=key, help=help)


def _rate(key: Key, label: str, default: float, chosen: Chosen) -> None:
    if getattr(chosen.choice, key) is not None or key in st.session_state:
        seed_widget(key)
    learning = learns(chosen, heads=key is Key.HEAD_LEARNING_RATE)
    st.number_input(
        label,
        value=getattr(chosen.choice, key),
        format="%g",
        key=key,
        placeholder=f"{rate_text(default)}, the plan's" if learning else "frozen",
    )


def learns(chosen: Chosen, *, heads: bool) -> bool:
    """Whether any head, or anything but a head, learns in some phase."""
    return any(
        group.totals.trainable and (group.role is Role.HEAD) is heads
        for table in chosen.tables
        for group in table.groups
    )
