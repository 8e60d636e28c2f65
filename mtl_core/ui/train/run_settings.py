"""The settings of the next run, beside the plan that the Freeze page chooses."""

import streamlit as st

from mtl_core.freezing.table_text import rate_text
from mtl_core.models.description import Role
from mtl_core.report.data_words import within
from mtl_core.settings import Settings
from mtl_core.tasks.dataset import SAMPLE, SAMPLE_POSTS
from mtl_core.tasks.task import Task
from mtl_core.ui.shared.choice import Choice, choice_from, keep_choice, seed_widget
from mtl_core.ui.shared.data_picker import data_picker
from mtl_core.ui.shared.keys import Key, noise_key
from mtl_core.ui.shared.noise_text import text_of
from mtl_core.ui.shared.option_fields import option_fields
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice


def run_settings(settings: Settings, chosen: ResolvedChoice) -> None:
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


def more_settings(chosen: ResolvedChoice) -> None:
    """A fold, closed at first, of what few runs need: another start, wrong labels, other data."""
    with (
        st.expander("More", key=Key.MORE_SETTINGS),
        st.container(horizontal=True, vertical_alignment="bottom", gap="medium"),
    ):
        for task in chosen.model.tasks:
            _noise(task, chosen.choice)
        if chosen.choice.data == SAMPLE:
            seed_widget(Key.ALSO_EVALUATE)
            st.selectbox(
                "Also score on",
                ["", SAMPLE_POSTS],
                key=Key.ALSO_EVALUATE,
                format_func=lambda data: data or "nothing else",
                width=180,
                help="Every task is scored on these sentences too, before training and at the end.",
            )
        option_fields(chosen.choice, key_of=str, before=seed_widget)


def _noise(task: Task, choice: Choice) -> None:
    """One task's share of wrong labels; all of them are one field of the choice."""
    key, share = noise_key(task.name), choice.noise.get(task.name, 0.0)
    if st.session_state.get(key) != share:
        st.session_state[key] = share
    st.number_input(
        f"Wrong labels, {within(task.name)}",
        min_value=0.0,
        max_value=1.0,
        value=share,
        step=0.1,
        format="%g",
        key=key,
        width=160,
        on_change=_keep_noise,
        args=(task.name,),
        help="The share of its training sentences that get a wrong label, drawn from the seed.",
    )


def _keep_noise(task: str) -> None:
    choice: Choice = st.session_state[Key.CHOICE]
    asked = {**choice.noise, task: st.session_state[noise_key(task)] or 0.0}
    changed, notes = choice_from({Key.LABEL_NOISE: text_of(asked)}, base=choice)
    keep_choice(changed)
    for note in notes:
        st.toast(plain(note))


def _number(
    chosen: ResolvedChoice, key: Key, label: str, least: int, step: int = 1, help: str | None = None
) -> None:
    """A whole number. The default is the choice's too: a browser that draws the form in another
    place of the page, such as out of a folded one, forgets the value it was given."""
    seed_widget(key)
    value: int = getattr(chosen.choice, key)
    st.number_input(label, min_value=least, value=value, step=step, key=key, help=help)


def _rate(key: Key, label: str, default: float, chosen: ResolvedChoice) -> None:
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


def learns(chosen: ResolvedChoice, *, heads: bool) -> bool:
    """Whether any head, or anything but a head, learns in some phase."""
    return any(
        group.totals.trainable and (group.role is Role.HEAD) is heads
        for table in chosen.tables
        for group in table.groups
    )
