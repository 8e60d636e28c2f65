"""The sentence that a visitor asks: typed, from the address, or one of the data."""

from collections.abc import Sequence

import streamlit as st

from mtl_core.analysis.disagreement import asked_of
from mtl_core.settings import FileAccess
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.tasks.schemes import spans
from mtl_core.ui.predict.models import Candidate, models_picker
from mtl_core.ui.shared.choice import came_by_history
from mtl_core.ui.shared.keys import Key

LONGEST_TEXT = 2_000

_EXAMPLES = 60
_SHORT, _LONG = 6, 16  # words of the sentence that a first visit shows


def asked_text(default: str) -> str:
    """The sentence as it stands now; to be called before its field is drawn."""
    address = st.query_params.get(Key.TEXT, "")
    kept = st.session_state.get(Key.TEXT)
    arrived = st.session_state.get(Key.PAGE_IS_NEW) and address
    if kept is None or came_by_history() or arrived:
        kept = address or st.session_state.get(Key.ASKED_TEXT) or default
    text = str(kept)[:LONGEST_TEXT]
    if st.session_state.get(Key.TEXT) != text:
        st.session_state[Key.TEXT] = text
    st.session_state[Key.ASKED_TEXT] = text
    return text


def controls(known: Sequence[Candidate], asked: Sequence[str], dataset: Dataset) -> None:
    """The sentence, examples to take instead, and the models to ask where there are any."""
    left, right = st.columns([8, 4], gap="medium", vertical_alignment="bottom")
    with left:
        st.text_area(
            "Sentence",
            key=Key.TEXT,
            height=92,
            max_chars=LONGEST_TEXT,
            help="Ctrl and Enter asks; so does a click beside the field.",
        )
    with right:
        if known:
            models_picker(known, asked)
        st.selectbox(
            "Examples",
            examples(dataset),
            index=None,
            key=Key.EXAMPLE_TEXT,
            placeholder="Or take a validation sentence",
            label_visibility="collapsed",
            on_change=_take_example,
        )


def write_address(asked: Sequence[str], text: str) -> None:
    """Make the address hold models and sentence: a permalink."""
    for name, value in ((Key.RUNS, ",".join(asked)), (Key.TEXT, text)):
        if st.query_params.get(name, "") != value:
            if value:
                st.query_params[name] = value
            else:
                st.query_params.pop(name, None)


@st.cache_data(ttl=600, max_entries=4, show_spinner=False)
def shipped_data(reference: str, access: FileAccess) -> Dataset:
    """Shipped data by name."""
    return load_dataset(reference, access)


def examples(dataset: Dataset) -> list[str]:
    """Validation sentences to try, of every task in turn, the one shown first first."""
    of_task = [
        [each for each in dataset.validation if task.name in each.labels] for task in dataset.tasks
    ]
    mixed = [each for rows in zip(*of_task, strict=False) for each in rows]
    texts = [each.text or " ".join(asked_of(each).words) for each in mixed[:_EXAMPLES]]
    return list(dict.fromkeys([first_example(dataset), *texts]))


def first_example(dataset: Dataset) -> str:
    """A short sentence that names things of two types: there is something to see at once."""
    for each in dataset.validation:
        for label in each.labels.values():
            types = {span.type for span in spans(label)} if isinstance(label, tuple) else set()
            if len(types) > 1 and _SHORT <= len(each.words or ()) <= _LONG:
                return " ".join(each.words or ())
    first = dataset.validation[0]
    return first.text or " ".join(first.words or ())


def take_text(text: str) -> None:
    """Put a sentence into the field; for callbacks."""
    st.session_state[Key.TEXT] = text


def _take_example() -> None:
    if text := st.session_state.get(Key.EXAMPLE_TEXT):
        take_text(text)
