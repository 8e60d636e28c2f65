"""The content of the Data page: label counts, lengths and examples of the selected data."""

import streamlit as st

from mtl_core.charts.data import balance_figure, lengths_figure
from mtl_core.charts.theme import DARK, Palette
from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput
from mtl_core.freezing.titles import task_title
from mtl_core.report.data_words import (
    balance_finding,
    counts_caption,
    length_finding,
    reading_lines,
)
from mtl_core.settings import Settings
from mtl_core.tasks.data_name import data_name
from mtl_core.tasks.dataset import SAMPLE
from mtl_core.tasks.lengths import SubWordCounter
from mtl_core.tasks.overview import DataOverview, TaskOverview
from mtl_core.tasks.repeated import nearly_repeated_words, repeated_words
from mtl_core.tasks.upload_reference import is_upload
from mtl_core.text import capitalized
from mtl_core.ui.data.examples_view import examples_view
from mtl_core.ui.shared.chart import chart
from mtl_core.ui.shared.choice import Choice, keep_choice, seed_widget
from mtl_core.ui.shared.data_picker import data_picker
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import hue, plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.shot import taking_shot
from mtl_core.ui.shared.visitor import current_visitor


def overview_of_choice(lab: Lab, chosen: ResolvedChoice) -> DataOverview:
    """Compute the overview of the selected data, with the tokenizer of the selected checkpoint.

    Lengths are in words if the tokenizer is not on this machine. Raises DataError if the data
    can no longer be read, and DamagedCheckpoint if the tokenizer fails.
    """
    with st.spinner("Counting …"):
        return lab.data.overview(chosen.choice.data, chosen.checkpoint)


def data_facts(chosen: ResolvedChoice, found: DataOverview) -> list[str]:
    """The facts below the headline: name of the data, unit of the lengths, splits."""
    name = data_name(
        chosen.choice.data, (task.name for task in chosen.model.tasks), chosen.data_name
    )
    checkpoint = chosen.checkpoint.name
    unit = f"lengths measured with the tokenizer of {checkpoint}"
    if found.unit != SubWordCounter.unit:
        unit = f"lengths in words, because the tokenizer of {checkpoint} is not on this machine"
    splits = "training + validation"
    if any("test" in task.examples for task in found.tasks):
        splits += " + test"
    return [plain(name), plain(unit), f"counts: {splits}"]


def repeated_warning(found: DataOverview) -> None:
    """Warn of sentences in two splits, each counted once, also if several tasks label it."""
    repeated = [repeated_words(found.repeated)] if found.repeated else []
    if found.nearly_repeated:
        repeated.append(nearly_repeated_words(found.nearly_repeated))
    if repeated:
        words = capitalized("; ".join(repeated))
        st.warning(f"{words}. Scores on them may be too high.", icon=":material/warning:")


def task_panels(found: DataOverview, max_length: int, colors: Palette) -> None:
    """Draw one panel per task, in two columns."""
    with st.grid(min(2, len(found.tasks)), min_column_width=330, gap="medium"):
        for number, task in enumerate(found.tasks):
            with st.container(gap="small"):
                _panel(task, found.unit, max_length, number, colors)


def digests(found: DataOverview) -> None:
    """Draw the SHA-256 digest of each file, as recorded in runs, in an expander."""
    with st.expander("Files and SHA-256 digests"):
        st.markdown(
            "\n".join(f"- {plain(name)}: `{digest}`" for name, digest in found.digests.items())
        )


def data_buttons(lab: Lab, chosen: ResolvedChoice, colors: Palette) -> None:
    """Draw a button that opens the Train page and, for an upload, one that deletes it."""
    reference = chosen.choice.data
    if is_upload(reference) and lab.may_delete_upload(reference, current_visitor()):
        st.button(
            "Delete this upload",
            key=Key.DELETE_UPLOAD,
            icon=":material/delete:",
            on_click=_delete_upload,
            args=(lab, reference),
            help="Deletes the files from this machine. Runs that used them are not deleted.",
        )
    if st.button(
        "Train on this data",
        key=Key.TRAIN_DATA,
        icon=":material/play_arrow:",
        type="secondary" if colors is DARK else "primary",
    ):
        st.switch_page("pages/train.py", query_params=chosen.choice.as_query())


def data_settings(settings: Settings, chosen: ResolvedChoice) -> None:
    """Draw the selection of the data and the maximum length, and the error of the last action."""
    if problem := st.session_state.pop(Key.UPLOAD_PROBLEM, None):
        st.error(plain(problem), icon=":material/error:")
    with st.grid(4, min_column_width=160, gap="small"):
        data_picker(settings, chosen.choice.data)
        seed_widget(Key.MAX_LENGTH)
        st.number_input(
            "Max length",
            step=8,
            key=Key.MAX_LENGTH,
            help="Sentences with more tokens are truncated in training.",
        )


def _panel(task: TaskOverview, unit: str, max_length: int, number: int, colors: Palette) -> None:
    title = f"{colors.task(number).letter} · {task_title(task.task.name)}"
    with st.container(gap=None):
        st.markdown(f"## :{hue(number)}[{plain(title)}] {plain(balance_finding(task))}")
        st.caption(plain(counts_caption(task)))
        for line in () if taking_shot() else reading_lines(task):
            st.caption(plain(line))
    chart(
        balance_figure(task.labels, number, colors),
        f"Labels of {task.task.name} by split: {balance_finding(task)}",
        f"balance_{task.task.name}",
    )
    st.markdown(f":small[{plain(length_finding(task, unit, max_length))}]")
    lengths = [length for split in task.lengths.values() for length in split.examples]
    chart(
        lengths_figure(
            lengths, unit, max_length if unit == SubWordCounter.unit else None, number, colors
        ),
        length_finding(task, unit, max_length),
        f"lengths_{task.task.name}",
    )
    examples_view(task.shown, hue(number))


def _delete_upload(lab: Lab, reference: str) -> None:
    try:
        lab.delete_upload(reference, current_visitor())
    except BadInput as problem:
        st.session_state[Key.UPLOAD_PROBLEM] = str(problem)
        return
    choice: Choice = st.session_state[Key.CHOICE]
    keep_choice(choice.replace(data=SAMPLE))
