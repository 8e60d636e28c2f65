"""The fields of the upload form that state how the files of a task are read."""

import re
from typing import Any

import streamlit as st

from mtl_core.errors import DataError
from mtl_core.tasks.manifest import ENTERED, READING_KEYS, entered_reading
from mtl_core.tasks.schemes import SCHEME_NAMES
from mtl_core.tasks.separated_values import Quoting
from mtl_core.tasks.task import TaskKind
from mtl_core.ui.shared.keys import upload_key

TITLE = "How the files are read"
_FROM_FILES = "detect from the files"
_CHOICES = {"scheme": tuple(SCHEME_NAMES), "quoting": tuple(map(str, Quoting))}
_HELP = {
    "tags": "New names for tags, as `tag in the files: name`; other tags keep their names. For "
    "spans, new names for types.",
    "scheme": "The tagging scheme, if it cannot be detected from the files.",
    "columns": "The numbers of the word column and the tag column in CoNLL files, counted from 1.",
    "labels": "New names for labels, as `label in the files: name`; other labels keep their names.",
    "quoting": "csv: double quotes enclose fields. none: double quotes are part of the text.",
}
_KEY_IN_MESSAGE = re.compile(r"\b(tags|scheme|columns|labels|quoting|text|label): \S")


def reading_fields(number: int, kind: TaskKind, task: str) -> dict[str, Any] | DataError:
    """Draw the fields of one task. Returns the values by key, or the error of a field."""
    entered = {}
    with st.popover(TITLE, icon=":material/tune:", type="tertiary"):
        st.caption(
            "Only needed if an error message names one of these fields. Empty fields are detected "
            "from the files."
        )
        for key in READING_KEYS[kind]:
            entered[key] = _field(number, key)
    try:
        return entered_reading(kind, task, entered)
    except DataError as problem:
        return problem


def where_to_enter(problem: str) -> str | None:
    """Where the form has the fields that a message names; None if it names none."""
    keys = dict.fromkeys(_KEY_IN_MESSAGE.findall(problem))
    fields = [key for key in keys if key in ENTERED]
    if not fields:
        return None
    names = " or ".join(f"“{key.capitalize()}”" for key in fields)
    return (
        f"On this page, enter it as {names} under “{TITLE}” of the task instead of in a "
        "manifest, or change the files."
    )


def _field(number: int, key: str) -> str:
    """The text of a field; empty if nothing is stated."""
    widget = upload_key(number, key)
    if key in _CHOICES:
        options = (_FROM_FILES, *_CHOICES[key])
        chosen = st.selectbox(key.capitalize(), options, key=widget, help=_HELP[key])
        return "" if chosen == _FROM_FILES else str(chosen)
    return st.text_input(key.capitalize(), placeholder=ENTERED[key], key=widget, help=_HELP[key])
