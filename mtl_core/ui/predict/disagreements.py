"""The validation sentences for which the models predict different labels, listed on request."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.errors import FreezeLabError
from mtl_core.freezing.titles import task_title
from mtl_core.report.predictions import (
    Disagreement,
    answer_text,
    disagreements,
    sentence_of,
)
from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.example import Example
from mtl_core.tasks.task import Task
from mtl_core.text import listed, visible
from mtl_core.ui.predict.answers import predictions_of
from mtl_core.ui.predict.models import SelectedModel
from mtl_core.ui.predict.sentence import take_text
from mtl_core.ui.shared.data_table import data_table
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain

_ROW_HEIGHT = 35
_ROWS = 8


def disagreements_view(lab: Lab, models: Sequence[SelectedModel], dataset: Dataset) -> None:
    """A button; after a click, the list for the selected models."""
    tasks = [
        task for task in dataset.tasks if all(task in each.model.spec.tasks for each in models)
    ]
    count = len(_labelled(dataset, tasks))
    with st.container(gap=None):
        st.markdown("## Sentences with different predictions")
        st.caption(
            f"Compares the models on the {count:,} validation sentences of "
            f"{plain(dataset.reference)}. Click a row to use its sentence above."
        )
    skipped = [task_title(task.name) for task in dataset.tasks if task not in tasks]
    if skipped and tasks:
        st.caption(f"{listed(skipped)}: not compared, because the models have other labels.")
    if len(models) < 2:
        st.caption("Select at least two models to compare.")
    elif not tasks:
        st.caption(
            f"These models have no task in common with {plain(dataset.reference)}, so they cannot "
            "be compared on it."
        )
    elif st.session_state.get(Key.SHOW_DISAGREEMENTS) or st.button(
        f"Compare {len(models)} models on {count:,} sentences",
        key=Key.FIND_DISAGREEMENTS,
        icon=":material/difference:",
        on_click=_show_list,
    ):
        _list(lab, models, dataset, tasks)


def _show_list() -> None:
    st.session_state[Key.SHOW_DISAGREEMENTS] = True


def _list(
    lab: Lab, models: Sequence[SelectedModel], dataset: Dataset, tasks: Sequence[Task]
) -> None:
    examples = _labelled(dataset, tasks)
    sentences = [sentence_of(example) for example in examples]
    with st.spinner(f"Running {len(models)} models on {len(sentences):,} sentences …"):
        answers = predictions_of(lab, models, sentences)
    failed = [each for each in answers if isinstance(each, FreezeLabError)]
    answered = [(m, a) for m, a in zip(models, answers, strict=True) if isinstance(a, tuple)]
    for problem in failed:
        st.caption(f":material/error: {plain(str(problem))}")
    shared = [t for t in dataset.tasks if all(t in m.model.spec.tasks for m, _ in answered)]
    trained = [place for place, (model, _) in enumerate(answered) if model.model.folder]
    among = (
        trained if len(trained) > 1 else None
    )  # training always changes the predictions of untrained heads
    found = disagreements(shared, examples, [predictions for _, predictions in answered], among)
    if not found:
        st.caption("The models predict the same for every sentence.")
        return
    who = f"The {len(trained)} trained models" if among else "The models"
    _table(found, [model.label for model, _ in answered], who)


def _labelled(dataset: Dataset, tasks: Sequence[Task]) -> list[Example]:
    """The validation sentences with a label of one of the tasks."""
    names = {task.name for task in tasks}
    return [each for each in dataset.validation if names & set(each.labels)]


def _table(found: Sequence[Disagreement], labels: Sequence[str], who: str) -> None:
    counts = {each.task.name: 0 for each in found}
    for each in found:
        counts[each.task.name] += 1
    listed = ", ".join(f"{count} for {task_title(name)}" for name, count in counts.items())
    st.markdown(
        f":small[{who} disagree on **{len(found)}** sentences: {plain(listed)}. "
        "Sentences with the fewest correct models come first.]"
    )
    rows = pd.DataFrame([_cells(each, labels) for each in found])
    texts = [each.sentence.text or " ".join(each.sentence.words) for each in found]
    data_table(
        rows,
        key=Key.DISAGREEMENTS,
        hide_index=True,
        height=_ROW_HEIGHT * (min(_ROWS, len(found)) + 1) + 3,
        row_height=_ROW_HEIGHT,
        placeholder="",
        selection_mode="single-row",
        on_select=lambda: _take(texts),
        alt="Sentences with different predictions",
        column_config={
            "Task": st.column_config.TextColumn(width=90),
            "Sentence": st.column_config.TextColumn(width=420),
        },
    )


def _cells(each: Disagreement, labels: Sequence[str]) -> dict[str, str]:
    words = each.sentence.words
    answers = [
        f"{'✓' if answer == each.label else '✕'} {answer_text(answer, words)}"
        for answer in each.answers
    ]
    return {
        "Task": task_title(each.task.name),
        "Sentence": visible(each.sentence.text or " ".join(words)),
        "Label": answer_text(each.label, words),
        **dict(zip(labels, answers, strict=True)),
    }


def _take(texts: Sequence[str]) -> None:
    chosen = st.session_state[Key.DISAGREEMENTS].selection.rows
    if chosen and chosen[0] < len(texts):
        take_text(texts[chosen[0]])
