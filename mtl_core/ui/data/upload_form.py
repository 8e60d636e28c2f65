"""Files of one's own: name the tasks, add their files, see what is in them, and use them."""

import hashlib
from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile as Sent

from mtl_core.engine.lab import Lab
from mtl_core.errors import DataError
from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.uploads import (
    MOST_BYTES,
    MOST_ROWS,
    MOST_TASKS,
    SUFFIXES,
    UploadedFile,
    UploadedTask,
    columns_of,
    read_upload,
    upload_reference,
)
from mtl_core.ui.shared.choice import Choice, keep_choice
from mtl_core.ui.shared.keys import Key, upload_key
from mtl_core.ui.shared.page import plain

_KINDS = {TaskKind.SENTENCE: "Sentence: one label", TaskKind.TOKEN: "Token: a tag for each word"}
_NAMES = ("sentiment", "ner")
_FORMATS = sorted({suffix.removeprefix(".") for each in SUFFIXES.values() for suffix in each})
_MEGABYTES = MOST_BYTES // 2**20


def upload_form(lab: Lab) -> None:
    """The form; nothing is written before the visitor says to use the files."""
    with st.expander("Use files of your own"):
        st.caption(
            "Sentences: CSV or TSV with a header, or JSON lines. Tagged words: CoNLL columns "
            "(token first, tag last, an empty line between sentences), or JSON lines with "
            f"`tokens` and `tags`. At most {_MEGABYTES} MB and {MOST_ROWS:,} sentences a file. "
            "Nothing is kept until you use it; then whoever opens this dashboard can train on it."
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
                    drafts.append(_task(number, kinds))
        _outcome(lab, drafts)


Draft = UploadedTask | str
"""A task whose files are there, or why it is not one yet."""


def _task(number: int, kinds: list[TaskKind]) -> Draft:
    """The widgets of one task; `kinds` are those of the tasks before it."""
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
            f"{split.capitalize()} file",
            type=_FORMATS,
            key=upload_key(number, split),
            max_upload_size=_MEGABYTES,
        )
        for split in ("training", "validation")
    }
    return _draft(number, name, kind, head or fallback, sent)


def _draft(
    number: int, name: str, kind: TaskKind, head: str, sent: dict[str, Sent | None]
) -> Draft:
    """The task as the widgets say, its columns chosen; or what is missing."""
    if not name:
        return f"Task {number} has no name. Type one."
    for file in sent.values():
        if file is not None and file.size > MOST_BYTES:
            return (
                f"{file.name} has {file.size:,} bytes, over the limit of {MOST_BYTES:,} for an "
                "upload. Take fewer examples."
            )
    train, validation = (
        None if file is None else UploadedFile(file.name, file.getvalue())
        for file in (sent["training"], sent["validation"])
    )
    text, label = _columns(number, kind, train) if train else (None, None)
    if train is None or validation is None:
        missing = "training" if train is None else "validation"
        return f"{name} still needs its {missing} file."
    return UploadedTask(name, kind, head, train, validation, text, label)


def _columns(number: int, kind: TaskKind, train: UploadedFile) -> tuple[str | None, str | None]:
    """Which columns hold text and label, chosen among the training file's own."""
    columns = columns_of(train)
    if len(columns) < 2 or (kind is TaskKind.TOKEN and train.suffix != ".jsonl"):
        return None, None
    usual = ("text", "label") if kind is TaskKind.SENTENCE else ("tokens", "tags")
    chosen = []
    with st.container(horizontal=True, gap="small"):
        for place, (field, title) in enumerate(zip(("text", "label"), usual, strict=True)):
            index = columns.index(title) if title in columns else place
            chosen.append(
                st.selectbox(
                    f"Column of the {field}", columns, index=index, key=upload_key(number, field)
                )
            )
    return chosen[0], chosen[1]


def _default_head(kind: TaskKind, before: Sequence[TaskKind], name: str) -> str:
    """`classifier` for the first sentence task, `ner` for the first token task, else its name."""
    if kind not in before:
        return "classifier" if kind is TaskKind.SENTENCE else "ner"
    return name.replace("-", "_")


def _outcome(lab: Lab, drafts: Sequence[Draft]) -> None:
    """What is in the files and the button that uses them; or what stands in the way."""
    tasks = tuple(draft for draft in drafts if isinstance(draft, UploadedTask))
    missing = [draft for draft in drafts if isinstance(draft, str)]
    found: Dataset | str | None = None
    if missing:
        st.caption(plain(" ".join(missing)))
    else:
        found = _seen(tasks)
        if isinstance(found, str):
            st.error(plain(found), icon=":material/error:")
        else:
            st.markdown(_what_is_in(found))
    st.button(
        "Use this data",
        key=Key.USE_UPLOAD,
        icon=":material/check:",
        disabled=not isinstance(found, Dataset),
        on_click=_use,
        args=(lab, tasks),
    )


def _seen(tasks: tuple[UploadedTask, ...]) -> Dataset | str:
    """What is in the files, or why they cannot be read; the same files are read once."""
    names = "\0".join(name for task in tasks for name in (task.train.name, task.validation.name))
    key = hashlib.sha256(f"{upload_reference(tasks)}\0{names}".encode()).digest()
    last: tuple[bytes, Dataset | str] | None = st.session_state.get(Key.UPLOAD_SEEN)
    if last is None or last[0] != key:
        try:
            found: Dataset | str = read_upload(tasks)
        except DataError as problem:
            found = str(problem)
        last = st.session_state[Key.UPLOAD_SEEN] = (key, found)
    return last[1]


def _what_is_in(found: Dataset) -> str:
    counts = found.counts()
    lines = []
    for task in found.tasks:
        train, validation = counts[task.name]["train"], counts[task.name]["validation"]
        outputs = ", ".join(task.outputs[:12]) + (" …" if len(task.outputs) > 12 else "")
        line = f"**{plain(task.name)}**: {train:,} + {validation:,} sentences, "
        line += f"head {plain(task.head)} with {len(task.outputs)} outputs: {plain(outputs)}"
        if repaired := found.repaired_tags.get(task.name, 0):
            line += f"; {repaired:,} tags began an entity with I- and are read as B-"
        lines.append(line)
    return "  \n".join(lines)


def _use(lab: Lab, tasks: tuple[UploadedTask, ...]) -> None:
    try:
        reference = lab.save_upload(tasks)
    except DataError as problem:
        st.session_state[Key.UPLOAD_PROBLEM] = str(problem)
        return
    choice: Choice = st.session_state[Key.CHOICE]
    keep_choice(choice.replace(data=reference))
