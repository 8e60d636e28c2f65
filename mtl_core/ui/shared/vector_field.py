"""The field for the sentence vector, and the vector that follows from the visitor's choice."""

import streamlit as st

from mtl_core.errors import CheckpointError
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.description import BackboneDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.models.trained_vector import trained_sentence_vector
from mtl_core.training.options import RunOptions, options_of
from mtl_core.ui.shared.choice import Choice, ignore, seed_widget
from mtl_core.ui.shared.keys import Key

_WIDTH = 200


def chosen_vector(checkpoint: Checkpoint, backbone: BackboneDescription) -> SentenceVector:
    """The selected sentence vector, or the one that the checkpoint was trained with.

    A vector that the architecture does not have is replaced and noted. Call it before any widget
    is drawn.
    """
    choice: Choice = st.session_state[Key.CHOICE]
    if choice.sentence_vector:
        if choice.sentence_vector in backbone.sentence_vectors:
            return choice.sentence_vector
        ignore(Key.SENTENCE_VECTOR, f"{backbone.architecture} has no pooler", "")
    try:
        return trained_sentence_vector(checkpoint)
    except CheckpointError as problem:
        ignore(Key.SENTENCE_VECTOR, str(problem), SentenceVector.FIRST_TOKEN)
        return SentenceVector.FIRST_TOKEN


def vector_field(
    backbone: BackboneDescription, key: str = Key.SENTENCE_VECTOR
) -> SentenceVector | None:
    """Select a sentence vector; None is the one that the checkpoint was trained with.

    `key` is the widget's key. It starts at the vector of the choice.
    """
    listed = ["", *backbone.sentence_vectors]
    if key == Key.SENTENCE_VECTOR:
        seed_widget(key)
    elif st.session_state.get(key) not in listed:
        st.session_state[key] = st.session_state[Key.CHOICE].sentence_vector
    chosen = st.selectbox(
        "Sentence vector",
        listed,
        key=key,
        format_func=_label,
        width=_WIDTH,
        help=options_of(RunOptions)["sentence_vector"][1].help,
    )
    return SentenceVector(chosen) if chosen else None


def _label(vector: str) -> str:
    return SentenceVector(vector).words if vector else "as in the checkpoint"
