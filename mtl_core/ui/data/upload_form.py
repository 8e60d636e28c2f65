"""The form to upload data: name the tasks, add their files, check the content and save it."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile as Sent

from mtl_core.engine.lab import Lab
from mtl_core.errors import DataError
from mtl_core.report.data_words import split_counts
from mtl_core.tasks.data_notes import repeated_notes
from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.keyed_rows import KEYED_SUFFIXES
from mtl_core.tasks.manifest import NAME_LENGTH
from mtl_core.tasks.overview import examples_to_show
from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.uploads import (
    MOST_BYTES,
    MOST_ROWS,
    MOST_TASKS,
    SUFFIXES,
    UploadedFile,
    UploadedTask,
    files_of,
    upload_reference,
)
from mtl_core.text import counted
from mtl_core.ui.data.examples_view import examples_view
from mtl_core.ui.data.reading_fields import reading_fields, where_to_enter
from mtl_core.ui.shared.choice import Choice, keep_choice
from mtl_core.ui.shared.keys import Key, upload_key
from mtl_core.ui.shared.page import hue, plain
from mtl_core.ui.shared.visitor import current_visitor

_KINDS = {
    TaskKind.SENTENCE: "Sentence: one label per sentence",
    TaskKind.TOKEN: "Token: one tag per word",
}
_NAMES = ("sentiment", "ner")
_USUAL: dict[TaskKind, dict[str, tuple[str, ...]]] = {
    TaskKind.SENTENCE: {"text": ("text",), "label": ("label",)},
    TaskKind.TOKEN: {
        "text": ("tokens", "words", "text"),
        "label": ("tags", "ner_tags", "label", "labels", "entities"),
    },
}
"""The usual names of columns by field, the likeliest first."""
_FORMATS = sorted({suffix.removeprefix(".") for each in SUFFIXES.values() for suffix in each})
_MEGABYTES = MOST_BYTES // 2**20


def upload_form(lab: Lab) -> None:
    """Draw the form. Files are written to disk only after a click on "Use this data"."""
    with st.expander("Use your own files"):
        st.caption(
            "Sentence tasks: CSV or TSV with a header, JSON lines, Parquet or Arrow. Token tasks: "
            "CoNLL columns (token first, tag last, an empty line between sentences), JSON lines, "
            "Parquet or Arrow with `tokens` and `tags`, or spans of characters as doccano and "
            f"Label Studio export them. The limits are {_MEGABYTES} MB and {MOST_ROWS:,} sentences "
            "per file. Files are saved when you click the button below. Everyone who can open this "
            "dashboard can then train on them."
        )
        with st.container(horizontal=True, gap="small"):
            name = st.text_input(
                "Name of the data",
                key=Key.UPLOAD_NAME,
                placeholder="optional",
                help="Lists, notes and figures show this name. It has at most "
                f"{NAME_LENGTH} characters.",
                width=330,
            )
            count = st.number_input(
                "Tasks", min_value=1, max_value=MOST_TASKS, value=2, key=Key.UPLOAD_TASKS, width=160
            )
        numbers = range(1, min(int(count or 1), MOST_TASKS) + 1)
        kinds: list[TaskKind] = []
        drafts = []
        with st.grid(min(2, len(numbers)), min_column_width=330, gap="medium"):
            for number in numbers:
                with st.container(border=True, gap="small"):
                    drafts.append(_task(lab, number, kinds))
        _check_and_save(lab, drafts, name)


Draft = UploadedTask | str | DataError
"""A complete task, a sentence about what is missing, or the error of a field."""


def _task(lab: Lab, number: int, kinds: list[TaskKind]) -> Draft:
    """Draw the widgets of one task and append its kind to `kinds`, those of earlier tasks."""
    name = st.text_input(
        f"Name of task {number}",
        value=_NAMES[number - 1] if number <= len(_NAMES) else f"task{number}",
        max_chars=40,
        key=upload_key(number, "name"),
    ).strip()
    default = TaskKind.TOKEN if number == len(_NAMES) else TaskKind.SENTENCE
    kind = st.selectbox(
        "Kind",
        list(_KINDS),
        index=list(_KINDS).index(default),
        format_func=lambda kind: _KINDS[kind],
        key=upload_key(number, "kind"),
    )
    fallback = _default_head(kind, kinds, name)
    kinds.append(kind)
    head = st.text_input(
        "Head", placeholder=fallback, max_chars=40, key=upload_key(number, "head")
    ).strip()
    sent = {
        split: st.file_uploader(
            f"{split.capitalize()} file of task {number}{' (optional)' * (split != 'training')}",
            type=_FORMATS,
            key=upload_key(number, split),
            max_upload_size=_MEGABYTES,
        )
        for split in ("training", "validation", "test")
    }
    stated = reading_fields(number, kind, name)
    draft = _draft(lab, number, name, kind, head or fallback, sent)
    if isinstance(stated, DataError):
        return stated
    return replace(draft, **stated) if isinstance(draft, UploadedTask) else draft


def _draft(
    lab: Lab, number: int, name: str, kind: TaskKind, head: str, sent: dict[str, Sent | None]
) -> UploadedTask | str:
    """Build the task from its widgets and select its columns; or return what is missing."""
    if not name:
        return f"Task {number} has no name. Enter one."
    for file in sent.values():
        if file is not None and file.size > MOST_BYTES:
            return (
                f"{file.name} has {file.size:,} bytes. The limit for an upload is {MOST_BYTES:,} "
                "bytes. Use fewer examples."
            )
    train, validation, test = (
        None if file is None else UploadedFile(file.name, file.getvalue()) for file in sent.values()
    )
    text, label = _columns(lab, number, kind, train) if train else (None, None)
    if train is None:
        return f"Add the training file of {name}. Without a validation file, a fifth is held out."
    return UploadedTask(name, kind, head, train, validation, text, label, test)


def _columns(
    lab: Lab, number: int, kind: TaskKind, train: UploadedFile
) -> tuple[str | None, str | None]:
    """Draw the selection of the text and label columns of the training file.

    Returns (None, None) if the file's format needs no selection.
    """
    columns = lab.data.columns_of_upload(train)
    if len(columns) < 2 or (kind is TaskKind.TOKEN and train.suffix not in KEYED_SUFFIXES):
        return None, None
    selected = []
    with st.container(horizontal=True, gap="small"):
        for position, (field, usual) in enumerate(_USUAL[kind].items()):
            index = next((columns.index(name) for name in usual if name in columns), position)
            selected.append(
                st.selectbox(
                    f"{field.capitalize()} column",
                    columns,
                    index=index,
                    key=upload_key(number, field),
                )
            )
    return selected[0], selected[1]


def _default_head(kind: TaskKind, before: Sequence[TaskKind], name: str) -> str:
    """`classifier` for the first sentence task, `ner` for the first token task, else `name`."""
    if kind not in before:
        return "classifier" if kind is TaskKind.SENTENCE else "ner"
    return name.replace("-", "_")


def _check_and_save(lab: Lab, drafts: Sequence[Draft], name: str) -> None:
    """Draw a summary of the files, or the problem, and the button that saves them."""
    tasks = tuple(draft for draft in drafts if isinstance(draft, UploadedTask))
    missing = [draft for draft in drafts if isinstance(draft, str)]
    problems = [str(draft) for draft in drafts if isinstance(draft, DataError)]
    result: Dataset | str | None = problems[0] if problems else None
    if missing:
        st.caption(plain(" ".join(missing)))
    elif not problems:
        result = _read(lab, tasks)
    if isinstance(result, str):
        st.error(plain(result), icon=":material/error:")
        if (where := where_to_enter(result)) is not None and not problems:
            st.caption(plain(where))
    elif result is not None:
        for note in repeated_notes(result):
            st.warning(plain(note), icon=":material/warning:")
        st.markdown(_summary(result))
        _preview(result)
    st.button(
        "Use this data",
        key=Key.USE_UPLOAD,
        icon=":material/check:",
        disabled=not isinstance(result, Dataset),
        on_click=_save,
        args=(lab, tasks, name),
    )


def _read(lab: Lab, tasks: tuple[UploadedTask, ...]) -> Dataset | str:
    """Read the files, or return the error message. The result is cached in the session."""
    names = "\0".join(file.name for _, _, file in files_of(tasks))
    key = hashlib.sha256(f"{upload_reference(tasks)}\0{names}".encode()).digest()
    last: tuple[bytes, Dataset | str] | None = st.session_state.get(Key.UPLOAD_SEEN)
    if last is None or last[0] != key:
        try:
            with st.spinner("Reading the files …"):
                result: Dataset | str = lab.data.upload(tasks)
        except DataError as problem:
            result = str(problem)
        last = st.session_state[Key.UPLOAD_SEEN] = (key, result)
    return last[1]


def _summary(dataset: Dataset) -> str:
    """Two lines of Markdown per task: number of sentences, head and outputs; how it was read."""
    counts = dataset.counts()
    lines = []
    for task in dataset.tasks:
        outputs = ", ".join(task.outputs[:12]) + (" …" if len(task.outputs) > 12 else "")
        line = f"**{plain(task.name)}**: {split_counts(counts[task.name])} sentences, "
        line += f"head {plain(task.head)} with {len(task.outputs)} outputs: {plain(outputs)}"
        if repaired := dataset.repaired_tags.get(task.name, 0):
            line += f"; {counted(repaired, 'tag')} changed from I- to B- at the start of an entity"
        lines.append(line)
        reading = dataset.readings[task.name]
        lines += [f":small[{plain(line)}]" for line in (reading.line, *reading.notes_once)]
    return "  \n".join(lines)


def _preview(dataset: Dataset) -> None:
    """Draw a few training sentences of each task, as they were read. Nothing is stored yet."""
    for number, task in enumerate(dataset.tasks):
        labelled = [each for each in dataset.train if task.name in each.labels]
        st.markdown(f":small[First sentences of **{plain(task.name)}**, as read:]")
        examples_view(examples_to_show(labelled, task), hue(number))


def _save(lab: Lab, tasks: tuple[UploadedTask, ...], name: str) -> None:
    try:
        reference = lab.save_upload(tasks, current_visitor(), name)
    except DataError as problem:
        st.session_state[Key.UPLOAD_PROBLEM] = str(problem)
        return
    choice: Choice = st.session_state[Key.CHOICE]
    keep_choice(choice.replace(data=reference))
