"""The sentence to predict: typed, from the address, or an example from the data."""

from collections.abc import Sequence

import streamlit as st

from mtl_core.report.predictions import sentence_of
from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.schemes import spans
from mtl_core.text import visible
from mtl_core.ui.predict.models import Candidate, models_picker
from mtl_core.ui.shared.choice import came_by_history
from mtl_core.ui.shared.keys import Key

MAX_TEXT_LENGTH = 2_000

_CUT = f"The text was cut after {MAX_TEXT_LENGTH:,} of its {{:,}} characters."
_EXAMPLES = 60
_SHORT, _LONG = 6, 16  # words of the sentence that a first visit shows


def current_text(default: str) -> tuple[str, list[str]]:
    """The current sentence, and a note if it was cut. Call it before its field is drawn."""
    address = st.query_params.get(Key.TEXT, "")
    value = st.session_state.get(Key.TEXT)
    arrived = st.session_state.get(Key.PAGE_IS_NEW) and address
    if value is None or came_by_history() or arrived:
        value = address or st.session_state.get(Key.LAST_TEXT) or default
    text = str(value)[:MAX_TEXT_LENGTH]
    if st.session_state.get(Key.TEXT) != text:
        st.session_state[Key.TEXT] = text
    st.session_state[Key.LAST_TEXT] = text
    return text, [_CUT.format(len(str(value)))] if len(str(value)) > len(text) else []


def controls(known: Sequence[Candidate], selected: Sequence[str], dataset: Dataset) -> None:
    """Draw the sentence field, the examples, and the models if there are any."""
    left, right = st.columns([8, 4], gap="medium", vertical_alignment="bottom")
    with left:
        st.text_area(
            "Sentence",
            key=Key.TEXT,
            height=92,
            help="Press Ctrl+Enter, or click outside the field.",
        )
    with right:
        if known:
            models_picker(known, selected)
        st.selectbox(
            "Examples",
            examples(dataset),
            index=None,
            key=Key.EXAMPLE_TEXT,
            placeholder="Or choose a validation sentence",
            label_visibility="collapsed",
            on_change=_take_example,
        )


def write_address(selected: Sequence[str], text: str) -> None:
    """Write the models and the sentence into the address, as a permalink."""
    for name, value in ((Key.RUNS, ",".join(selected)), (Key.TEXT, text)):
        if st.query_params.get(name, "") != value:
            if value:
                st.query_params[name] = value
            else:
                st.query_params.pop(name, None)


def examples(dataset: Dataset) -> list[str]:
    """Validation sentences, alternating between tasks; the default sentence comes first."""
    by_task = [
        [each for each in dataset.validation if task.name in each.labels] for task in dataset.tasks
    ]
    mixed = [each for rows in zip(*by_task, strict=False) for each in rows]
    texts = [visible(each.text or " ".join(sentence_of(each).words)) for each in mixed[:_EXAMPLES]]
    return list(dict.fromkeys([first_example(dataset), *texts]))


def first_example(dataset: Dataset) -> str:
    """The default sentence: a short one with entities of two types, if there is one."""
    for each in dataset.validation:
        for label in each.labels.values():
            types = {span.type for span in spans(label)} if isinstance(label, tuple) else set()
            if len(types) > 1 and _SHORT <= len(each.words or ()) <= _LONG:
                return " ".join(each.words or ())
    first = dataset.validation[0]
    return first.text or " ".join(first.words or ())


def take_text(text: str) -> None:
    """Set the sentence field; for callbacks."""
    st.session_state[Key.TEXT] = text


def _take_example() -> None:
    if text := st.session_state.get(Key.EXAMPLE_TEXT):
        take_text(text)
